"""What the server says, in ragkit's errors, with the remedy."""

from __future__ import annotations

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote.server import ReadOnlyError
from ragkit_connectors.http_calls import AbsentError, PresentError

_FOR_NOW = (
    "deadline exceeded", "timeout", "timed out", "connection re", "unavailable", "leader not found",
    "not leader", "too many", "resource exhausted", "read-only", "shutting down", "cannot reach", "no space",
    "memory pressure",
)  # fmt: skip


def of_status(status: int, said: str, where: str) -> StoreError:
    """Our error for an answer that is none."""
    if status == 401:
        return StoreError(
            f"{where}: the server refuses this api_key, or asks for one (HTTP 401). Set api_key"
        )
    if status == 403:
        return ReadOnlyError(
            f"{where}: this user's role does not allow it (HTTP 403: {said}). To ask, a role needs "
            "read_collections and read_data; to ingest, create, update and delete of both too, and read_nodes"
        )
    if "already exists" in said:
        return PresentError(f"{where}: it is there already ({said})")
    if status in (408, 429) or status >= 500:
        return TransientStoreError(f"{where}: the server fails for now (HTTP {status}: {said}). Try again")
    if status == 404:
        return AbsentError(f"{where}: it is not there ({said})")
    if status == 413:
        return StoreError(f"{where}: a request is larger than the server takes ({said}). Split the document")
    return of_message(f"HTTP {status}: {said}", where)


def of_message(said: str, where: str) -> StoreError:
    """Our error for what the server says in words alone: of a query, or of one object of several."""
    small = said.lower()
    if any(words in small for words in _FOR_NOW):
        return TransientStoreError(f"{where}: the server fails for now ({said}). Try again")
    if "cannot query field" in small or "could not find class" in small or "no graphql provider" in small:
        return gone(where, said)
    if "vector" in small and "length" in small:
        return StoreError(
            f"{where}: the collection holds vectors of another length ({said}). Set another name: "
            "stores.NAME.name; or ingest again"
        )
    return StoreError(f"{where}: the server refuses ({said})")


def gone(where: str, said: str) -> StoreError:
    """The error of a collection that is not there any more."""
    return CorruptIndexError(
        f"{where}: a collection of the index is not there ({said}). Check url and name; restore it from a "
        "backup, or ingest again"
    )
