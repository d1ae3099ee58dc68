"""Stores for the tests of OpenSearch: on the local server, or on the one that OPENSEARCH_URL names."""

from __future__ import annotations

import contextlib
import os
import uuid
from functools import partial
from typing import Any

import pytest

from ragkit.store_spec import StoreSpec
from ragkit_connectors.opensearch import OpenSearchStore
from ragkit_connectors.opensearch.calls import Calls, connect
from tests.connectors.opensearch.server.cluster import Cluster
from tests.connectors.opensearch.server.http import LocalServer

URL = os.environ.get("OPENSEARCH_URL")
needs_server = pytest.mark.skipif(
    not URL,
    reason="OPENSEARCH_URL names no server; start one: docker run -p 9200:9200 -e discovery.type=single-node "
    "-e DISABLE_SECURITY_PLUGIN=true opensearchproject/opensearch",
)


def server_settings() -> dict[str, Any]:
    """Settings for the real server, with its user where it has one."""
    given: dict[str, Any] = {"hosts": [URL], "replicas": 0}
    if user := os.environ.get("OPENSEARCH_USER"):
        given |= {"user": user, "password": os.environ["OPENSEARCH_PASSWORD"], "verify_certs": False}
    return given


class Stores:
    """Makes stores, each with indexes of its own, and removes them."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self.server = LocalServer(cluster)
        self.service = self.server.cluster
        self.server.start()
        self.opened: list[OpenSearchStore] = []

    def make(
        self, spec: StoreSpec | None, kind: type[OpenSearchStore] = OpenSearchStore, **settings: Any
    ) -> OpenSearchStore:
        """An empty store; on the local server unless the settings name another."""
        name = settings.pop("name", f"test-{uuid.uuid4().hex[:12]}")
        place = {"hosts": [self.server.url], "replicas": 0, "name": name}
        store = kind(**{**place, **settings}).open(spec)
        self.opened.append(store)
        return store

    def close(self) -> None:
        """Closes all, and deletes what lies on a real server."""
        for store in self.opened:
            with contextlib.suppress(Exception):
                store.close()
            if self.server.url not in store.config.hosts:
                calls = Calls(store.config, partial(connect, store.config))
                calls.request(
                    "DELETE", f"/{store.config.name},{store.config.records}", ignore_unavailable=True
                )
                calls.close()
        self.server.stop()
