"""Whether what is fetched is up to what was written, where answers do not say.

Fetches tell no number of the log, and see a write at another time than queries. So the last thing that is
written to a namespace is a record with a number that grows: who sees that number sees what was written
before it. The record of commits says which numbers its commit needs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ragkit.errors import TransientStoreError
from ragkit_connectors.http_calls import AbsentError
from ragkit_connectors.pinecone import calls

if TYPE_CHECKING:
    from ragkit_connectors.pinecone.server import PineconeServer

CANARY, SEEN = "canary", "seen"


class Canaries:
    """The numbers of one index, as far as this process saw them."""

    def __init__(self, server: PineconeServer) -> None:
        self._server = server
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def let_go(self, namespace: str) -> None:
        """Writes a number after all that was written, and waits until it is seen."""
        # By the clock, so that another process's next one is greater; at most one process writes.
        number = max(time.time_ns() // 1000, self._known(namespace) + 1)
        self._server.upsert(namespace, [self._server.row(CANARY, {SEEN: number})])
        self.wait_for({namespace: number})

    def numbers(self) -> dict[str, int]:
        """The numbers that were seen."""
        with self._lock:
            return dict(self._seen)

    def wait_for(self, numbers: Mapping[str, int]) -> None:
        """Returns when what is fetched is up to these.

        Raises:
            TransientStoreError: after `timeout_s` it is not yet.
        """
        deadline = time.monotonic() + self._server.settings.timeout_s
        for namespace, number in numbers.items():
            while self._known(namespace) < number and not self._is_there(namespace, number):
                if time.monotonic() >= deadline:
                    raise TransientStoreError(
                        f"{self._server.where}: after timeout_s what was written to namespace "
                        f"{namespace} cannot be fetched yet. Try again, or raise timeout_s"
                    )
                time.sleep(calls.POLL_S)
            with self._lock:
                self._seen[namespace] = max(number, self._seen.get(namespace, 0))

    def _is_there(self, namespace: str, number: int) -> bool:
        body = {"filter": {SEEN: {"$gte": number}}, "limit": 1}
        try:
            answer = self._server.read("POST", "/vectors/fetch_by_metadata", namespace, body)
        except AbsentError:
            # The namespace is gone: what is read there is nothing, and the record of commits tells.
            return True
        return bool(answer.get("vectors"))

    def _known(self, namespace: str) -> int:
        with self._lock:
            return self._seen.get(namespace, 0)
