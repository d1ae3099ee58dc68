"""A writer dies with SIGKILL in the middle of a commit or a compaction: nothing is lost or there twice."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.writer import survives
from tests.scale import scaled


def test_killed_at_any_place_it_holds_what_was_acknowledged(tmp_path: Path) -> None:
    survives("store/qdrant", {"path": str(tmp_path / "index")}, tmp_path, scaled(60))
