"""A writer dies with SIGKILL in the middle of a commit or a compaction: nothing is lost or there twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.opensearch.server.http import LocalServer
from tests.connectors.writer import survives
from tests.scale import scaled

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")


def test_killed_at_any_place_it_holds_what_was_acknowledged(tmp_path: Path) -> None:
    with LocalServer() as server:
        place = {"hosts": [server.url], "name": "killed", "replicas": 0}
        survives("store/opensearch", place, tmp_path, scaled(60))
