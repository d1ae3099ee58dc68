"""A writer dies with SIGKILL while it commits, compacts or erases: nothing is lost or there twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.connectors.writer import survives
from tests.scale import scaled

pytest.importorskip("lancedb", reason="needs the extra lancedb")


def test_killed_anywhere_it_holds_what_was_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "index"

    def of_one_generation(_: Any) -> None:
        assert len(list(folder.glob("chunks-*"))) == 1, "files of an older generation are left"

    survives(
        "store/lancedb",
        {"path": str(folder)},
        tmp_path,
        scaled(60),
        check=of_one_generation,
        in_time=True,
        erases=True,
    )
