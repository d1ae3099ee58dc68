"""Pinecone's data plane over HTTP, and how far each namespace is indexed.

Every write has a number in the log of its namespace, and a query's answer says up to which number it is.
What a process wrote, and what a commit needs that it reads, are numbers; an answer from before is asked
for again. Other answers say nothing of it: for these see `canaries`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote.server import ReadOnlyError
from ragkit_connectors.http_calls import AbsentError, Answer, HttpCalls, PresentError
from ragkit_connectors.pinecone.settings import PineconeSettings

if TYPE_CHECKING:
    import httpx

VERSION = "2025-10"  # of the interface: the first that makes namespaces and tells what a filter means
POLL_S = 0.1
# Under the names of the documentation, and those that the vendor's own client looks for beside them.
_WRITTEN = ("x-pinecone-request-lsn", "x-pinecone-lsn-committed")
_INDEXED = ("x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled")


def connect(settings: PineconeSettings) -> httpx.Client:
    """The client that settings name. It retries nothing by itself: `Calls` does."""
    import httpx

    key = {} if settings.api_key is None else {"api-key": settings.api_key.reveal()}
    return httpx.Client(
        base_url=settings.host,
        timeout=settings.timeout_s,
        # To read all authorities takes time, and without TLS none is asked.
        verify=settings.host.startswith("https"),
        headers={**key, "x-pinecone-api-version": VERSION},
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
    )


def where_of(settings: PineconeSettings) -> str:
    """Which index is meant, for people; no secret in it."""
    parts = urlsplit(settings.host)
    place = (parts.hostname or "?") + (f":{parts.port}" if parts.port else "")
    return f"pinecone {place}, namespaces {settings.name}"


class Calls(HttpCalls):
    """Requests to an index; see `HttpCalls`."""

    product, address = "Pinecone", "host"

    def __init__(self, settings: PineconeSettings, make_client: Callable[[], Any]) -> None:
        super().__init__(where_of(settings), settings.attempts, make_client, key=settings.api_key)
        self.settings = settings
        self._needed: dict[str, int] = {}
        self._lock = threading.Lock()

    def refusal(self, status: int, said: str) -> StoreError:
        """Our error for an answer that is none."""
        where, small = self.where, said.lower()
        if status == 401:
            return StoreError(
                f"{where}: the server refuses this api_key, or asks for one (HTTP 401). Set api_key"
            )
        if status == 403:
            return ReadOnlyError(
                f"{where}: this api_key's role does not allow it (HTTP 403: {said}). To ask, a key needs "
                "DataPlaneViewer; to ingest, DataPlaneEditor"
            )
        if status == 409:
            return PresentError(f"{where}: it is there already ({said})")
        if status == 404:
            return AbsentError(f"{where}: it is not there ({said})")
        if status in (408, 429) or status >= 500:
            return TransientStoreError(
                f"{where}: the server fails for now (HTTP {status}: {said}). Try again"
            )
        if "dimension" in small:
            return StoreError(
                f"{where}: the index holds vectors of another length ({said}). Make an index for this "
                "embedder, and set host"
            )
        if status == 413 or "exceeds the limit" in small or "exceeded" in small:
            return StoreError(
                f"{where}: a chunk or its metadata is larger than the server takes ({said}). Lower "
                "ingest.chunk.size, or keep less metadata"
            )
        return StoreError(f"{where}: the server refuses (HTTP {status}: {said})")

    # --- writing ----------------------------------------------------------------------------------

    def change(self, path: str, namespace: str, body: Mapping[str, Any]) -> Any:
        """Writes to a namespace, and notes the number of it."""
        answer = self.answer("POST", path, {**body, "namespace": namespace})
        self.need({namespace: _number(answer, _WRITTEN) or 0})
        return answer.said

    def need(self, numbers: Mapping[str, int]) -> None:
        """What answers from now on must be up to."""
        with self._lock:
            for namespace, number in numbers.items():
                self._needed[namespace] = max(number, self._needed.get(namespace, 0))

    def needed(self) -> dict[str, int]:
        """Up to which number each namespace is needed."""
        with self._lock:
            return {namespace: number for namespace, number in self._needed.items() if number}

    # --- reading ----------------------------------------------------------------------------------

    def read(
        self,
        method: str,
        path: str,
        namespace: str,
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Any:
        """What a namespace holds, asked until the answer is up to what is needed.

        Raises:
            TransientStoreError: after `timeout_s` it is not yet.
        """
        deadline = time.monotonic() + self.settings.timeout_s
        ask = (
            partial(self.answer, method, path, None, {**(parameters or {}), "namespace": namespace})
            if body is None
            else partial(self.answer, method, path, {**body, "namespace": namespace})
        )
        while True:
            with self._lock:
                needed = self._needed.get(namespace, 0)
            answer = ask()
            indexed = _number(answer, _INDEXED)
            if indexed is None or indexed >= needed:
                return answer.said
            if time.monotonic() >= deadline:
                raise TransientStoreError(
                    f"{self.where}: after timeout_s namespace {namespace} is indexed up to "
                    f"{indexed}, and {needed} is needed. Try again, or raise timeout_s"
                )
            time.sleep(POLL_S)

    def gone(self, said: str) -> CorruptIndexError:
        """The error of a part of the index that is not there any more."""
        return CorruptIndexError(
            f"{self.where}: a part of the index is not there ({said}). Check host and name; restore the "
            "index from a backup, or ingest again"
        )


def _number(answer: Answer, headers: Sequence[str]) -> int | None:
    for header in headers:
        if (said := answer.headers.get(header, "")).isdigit():
            return int(said)
    return None
