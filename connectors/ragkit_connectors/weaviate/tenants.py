"""The tenants of the server (`tenancy: native`): a shard for each of ours, named by its token."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ragkit_connectors.http_calls import AbsentError, PresentError

if TYPE_CHECKING:
    from ragkit_connectors.weaviate.server import WeaviateServer

_AT_ONCE = 100  # tenants of one request


class Tenants:
    """Which there are; what was seen once stays."""

    def __init__(self, server: WeaviateServer) -> None:
        self._server = server
        self._known: set[str] = set()

    def all(self) -> list[str]:
        """All tenants, in order."""
        answer = self._server.request("GET", self._path())
        found = {str(tenant["name"]) for tenant in answer or ()}
        self._known = found
        return sorted(found)

    def has(self, name: str) -> bool:
        """Whether there is one of this name."""
        if name in self._known:
            return True
        try:
            self._server.request("GET", f"{self._path()}/{name}")
        except AbsentError:
            return False
        self._known.add(name)
        return True

    def make(self, names: Iterable[str]) -> None:
        """Makes those that are not there."""
        missing = sorted(name for name in set(names) if not self.has(name))
        for first in range(0, len(missing), _AT_ONCE):
            some = missing[first : first + _AT_ONCE]
            # Also where it was done and the answer was lost, or another process made them.
            with contextlib.suppress(PresentError):
                self._server.request("POST", self._path(), [{"name": name} for name in some])
            self._known.update(name for name in some if self.has(name))

    def _path(self) -> str:
        return f"/v1/schema/{self._server.settings.name}/tenants"
