"""The local server without its network: a client that hands requests over, for thousands of calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from opensearchpy import exceptions as vendor

from ragkit.store_spec import StoreSpec
from ragkit_connectors.opensearch import OpenSearchStore
from tests.connectors.opensearch.server.cluster import Cluster, Request
from tests.connectors.opensearch.server.errors import ApiError

_ERRORS = {400: vendor.RequestError, 404: vendor.NotFoundError, 409: vendor.ConflictError}
Change = Callable[[Request], None]


class InProcessStore(OpenSearchStore):
    """A store whose client is the server.

    `log` has every request; `change` may alter one on its way, as a server would that does not keep to it.
    """

    def __init__(self, cluster: Cluster, **settings: Any) -> None:
        super().__init__(hosts=["http://in-process:9200"], replicas=0, attempts=1, **settings)
        self.cluster = cluster
        self.log: list[Request] = []
        self.change: Change | None = None

    def make_client(self) -> Any:
        return SimpleNamespace(transport=SimpleNamespace(perform_request=self._perform), close=lambda: None)

    def _perform(self, method: str, path: str, *, params: Any, body: Any, headers: Any) -> Any:
        data = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        request = Request(method, path, dict(params), data.encode(), {})
        self.log.append(request)
        if self.change is not None:
            self.change(request)
        try:
            # As it would come over the network.
            return json.loads(json.dumps(self.cluster.answer(request)))
        except ApiError as e:
            if method == "HEAD" and e.status == 404:
                return False
            raise _ERRORS.get(e.status, vendor.TransportError)(e.status, e.kind, e.body()) from e


def in_process(spec: StoreSpec, cluster: Cluster | None = None, **settings: Any) -> InProcessStore:
    """An opened store."""
    store = InProcessStore(cluster or Cluster(), **settings)
    store.open(spec)
    return store
