"""Milvus is certified, and the certificate says whether it was Milvus Lite or a server."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from ragkit.testing.certify import certify
from ragkit_connectors.milvus import MilvusStore
from tests.connectors.milvus.stores import needs_server, server_settings
from tests.scale import scaled

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")


def test_milvus_lite_is_certified_by_its_name(tmp_path: Path) -> None:
    done = certify(MilvusStore(path=tmp_path / "m.db", partitions=2), "store/milvus", cases=scaled(40))
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())
    assert done.engine is not None
    assert f"{done.engine.name} {done.engine.version}" == f"Milvus Lite {version('milvus-lite')}"
    assert done.n_cases == scaled(40)
    assert list(tmp_path.iterdir()) == []


@needs_server
@pytest.mark.parametrize("index", ["flat", "hnsw"])
def test_a_server_is_certified(index: str) -> None:
    done = certify(MilvusStore(**server_settings(), index=index), "store/milvus", cases=40)
    assert (done.verdict, done.failures) == ("certified", ())
    assert done.engine is not None
    assert done.engine.name == "Milvus"
