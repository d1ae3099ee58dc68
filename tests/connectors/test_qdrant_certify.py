"""Qdrant passes certification; only on a server is the certificate one."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from ragkit.testing.certify import certify
from ragkit_connectors.qdrant import QdrantStore
from tests.connectors.qdrant_stores import needs_server, server_settings


def test_local_mode_passes_and_is_not_certified() -> None:
    done = certify(QdrantStore(location=":memory:"), "store/qdrant", cases=4)
    assert (done.verdict, done.failures) == ("not certified", ())
    mode = f"local mode of qdrant-client {version('qdrant-client')}"
    assert done.engine is not None
    assert f"{done.engine.name} {done.engine.version}" == f"Qdrant ({mode})"
    assert done.reservations == (f"it ran against the {mode}, not against Qdrant itself",)
    assert done.n_cases == 4


def test_a_scratch_folder_is_removed(tmp_path: Path) -> None:
    store = QdrantStore(path=tmp_path / "index")
    with store.scratch("ragkit_certify") as scratch:
        assert not Path(str(scratch.config.path)).exists()
        Path(str(scratch.config.path)).mkdir()
    assert list(tmp_path.iterdir()) == []


@needs_server
@pytest.mark.parametrize("prefer_grpc", [False, True])
def test_a_server_is_certified(prefer_grpc: bool) -> None:
    store = QdrantStore(**server_settings(), prefer_grpc=prefer_grpc)
    done = certify(store, "store/qdrant", cases=40)
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())
