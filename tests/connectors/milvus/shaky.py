"""A client whose calls can be made to fail, before or after they are done, or to be overtaken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymilvus.exceptions import MilvusException

from ragkit_connectors.milvus import MilvusStore

WRITING = frozenset({"upsert", "delete", "rename_collection"})
Call = Callable[[], Any]
Fault = Callable[[Call], Any]


def refused(call: Call) -> Any:
    """The server is not there."""
    raise MilvusException(code=1, message="Retry timeout: 1s, StatusCode.UNAVAILABLE, connection refused")


def answer_lost(call: Call) -> Any:
    """It is done, and the answer does not come."""
    call()
    raise MilvusException(code=1, message="Retry timeout: 1s, StatusCode.DEADLINE_EXCEEDED")


def denied(call: Call) -> Any:
    """The role may not."""
    raise MilvusException(code=65535, message="PrivilegeUpsert: permission deny to reader")


class Shaky:
    """A client that does with its n-th call what is planned for it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []
        self.plan: Callable[[int, str], Fault | None] = lambda n, name: None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name == "close":
            return method

        def call(*given: Any, **arguments: Any) -> Any:
            n = len(self.calls)
            self.calls.append(name)
            fault = self.plan(n, name)
            return (
                method(*given, **arguments) if fault is None else fault(lambda: method(*given, **arguments))
            )

        return call

    def begin(self, plan: Callable[[int, str], Fault | None] | None = None) -> None:
        """Counts from nothing, by another plan."""
        self.calls = []
        self.plan = plan or (lambda n, name: None)


class ShakyStore(MilvusStore):
    """A store with such a client."""

    client: Shaky

    def make_client(self, uri: str) -> Any:
        self.client = Shaky(super().make_client(uri))
        return self.client
