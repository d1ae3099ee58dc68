"""OpenSearch passes certification; only on a real server is the certificate one."""

from __future__ import annotations

import pytest

from ragkit.testing.certify import certify
from ragkit_connectors.opensearch import OpenSearchStore
from tests.connectors.opensearch.server.http import LocalServer
from tests.connectors.opensearch.stores import needs_server, server_settings

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")


def test_the_local_server_passes_and_is_not_certified() -> None:
    with LocalServer() as server:
        store = OpenSearchStore(hosts=[server.url], replicas=0)
        done = certify(store, "store/opensearch", cases=4)
        assert server.cluster.indexes == {}
    assert (done.verdict, done.failures) == ("not certified", ())
    assert done.engine is not None
    assert (done.engine.name, done.engine.version) == ("OpenSearch", "2.19.0")
    assert done.reservations == (
        "it ran against a local server that imitates its protocol, not against OpenSearch itself",
    )


@needs_server
@pytest.mark.parametrize("engine", ["lucene", "faiss", "exact"])
def test_a_server_is_certified(engine: str) -> None:
    done = certify(OpenSearchStore(**server_settings(), engine=engine), "store/opensearch", cases=40)
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())
