"""The local server without its network: a client that hands requests over, for thousands of calls."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from opensearchpy import exceptions as vendor

from ragkit.store_spec import StoreSpec
from ragkit_connectors.opensearch import OpenSearchStore
from tests.connectors.loopback import Dropped, Reply, Request, Shortcut, data_of
from tests.connectors.opensearch.server.cluster import Cluster
from tests.connectors.opensearch.server.http import LocalServer

_ERRORS = {400: vendor.RequestError, 404: vendor.NotFoundError, 409: vendor.ConflictError}


class InProcessStore(OpenSearchStore):
    """A store whose client is the server; see `Shortcut`."""

    def __init__(self, server: LocalServer, **settings: Any) -> None:
        super().__init__(hosts=["http://in-process:9200"], replicas=0, attempts=1, **settings)
        self.handed_over = Shortcut(server)

    @property
    def log(self) -> list[Request]:
        """Every request."""
        return self.handed_over.server.log

    def make_client(self) -> Any:
        return SimpleNamespace(transport=SimpleNamespace(perform_request=self._perform), close=lambda: None)

    def _perform(self, method: str, path: str, *, params: Any, body: Any, headers: Any) -> Any:
        data = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        try:
            reply = self.handed_over.answer(Request(method, path, dict(params), data.encode()))
        except Dropped as e:
            raise vendor.ConnectionError("N/A", str(e), e) from e
        return _understood(method, reply)


def _understood(method: str, reply: Reply) -> Any:
    """What the vendor's client makes of an answer, as it would come over the network."""
    if method == "HEAD" and reply.status in (200, 404):
        return reply.status == 200
    said = json.loads(data_of(reply))
    if reply.status >= 400:
        error = said.get("error") if isinstance(said, dict) else None
        kind = error.get("type", "") if isinstance(error, dict) else ""
        raise _ERRORS.get(reply.status, vendor.TransportError)(reply.status, kind, said)
    return said


def in_process(spec: StoreSpec, cluster: Cluster | None = None, **settings: Any) -> InProcessStore:
    """An opened store."""
    store = InProcessStore(LocalServer(cluster), **settings)
    store.open(spec)
    return store
