"""The cluster behind HTTP on the loopback interface, and what goes wrong with it in its own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.connectors.loopback import Loopback, Reply, Request
from tests.connectors.opensearch.server.cluster import Cluster
from tests.connectors.opensearch.server.errors import ApiError


def unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """The cluster has a bad moment."""
    raise ApiError(503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];")


def rejected(request: Request, usual: Callable[[], Any]) -> Any:
    """Too many requests."""
    raise ApiError(429, "rejected_execution_exception", "rejected execution of coordinating operation")


def done_and_unavailable(request: Request, usual: Callable[[], Any]) -> Any:
    """It is done, and an error is said."""
    usual()
    raise ApiError(502, "bad_gateway", "upstream closed the connection")


class LocalServer(Loopback):
    """A cluster on a free port; a context."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self.cluster = cluster or Cluster()
        super().__init__(self.cluster)

    def answer(self, request: Request) -> Reply:
        reply = super().answer(request)
        if isinstance(reply.said, bool):
            return Reply(None, 200 if reply.said else 404)
        # The security plugin says it without JSON.
        return Reply(b"Unauthorized", 401, {"Content-Type": "text/plain"}) if reply.status == 401 else reply
