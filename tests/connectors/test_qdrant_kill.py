"""A writer dies with SIGKILL in the middle of a commit or a compaction: nothing is lost or there twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.writer import survives
from tests.scale import scaled


def test_killed_at_any_place_it_holds_what_was_acknowledged(tmp_path: Path) -> None:
    survives("store/qdrant", {"path": str(tmp_path / "index")}, tmp_path, scaled(60))


def test_killed_anywhere_in_its_engine_it_holds_what_was_acknowledged(tmp_path: Path) -> None:
    """With `engine: edge`, also at any moment, and while it forgets."""
    pytest.importorskip("qdrant_edge", reason="needs the extra qdrant-edge")
    from tests.connectors.qdrant_edge import new_folder

    folder = new_folder() / "index"

    def of_whole_shards(_: object) -> None:
        left = {path.name for path in folder.iterdir()}
        assert left == {"ragkit", "ragkit__ragkit", "ragkit.lock"}, "copies of shards are left"

    survives(
        "store/qdrant",
        {"engine": "edge", "path": str(folder)},
        tmp_path,
        scaled(60),
        check=of_whole_shards,
        in_time=True,
        erases=True,
    )
