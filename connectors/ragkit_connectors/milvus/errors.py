"""What the client says, in ragkit's errors, with the remedy."""

from __future__ import annotations

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote.server import ReadOnlyError
from ragkit_connectors.milvus.vendor import pymilvus

_MOST_SHOWN = 300
_NO_SERVER = "Check that the server runs, and host and port of uri; then try again"
_GONE = 100  # the server's code of a collection that is not there
_LEGACY_GONE = 4
_NOT_LOADED = 101
_BUSY = frozenset({2, 8, 9, 901, 503, 504})  # not ready, rate limit, deny, a node that is not there
_DENIED = ("permission deny", "privilege", "permission denied")
_UNKNOWN = ("unauthenticated", "auth check failure", "not authenticated", "invalid token")
_LOST = ("retry timeout", "retry run out", "fail connecting", "unavailable", "connection refused")
_LARGE = ("larger than max", "resource_exhausted", "maxoutputsize", "query results exceed")
_SLOW = ("deadline", "timeout")


class NotLoadedError(TransientStoreError):
    """The server has a collection on its disks alone, as Milvus Lite has after it was started again."""


class TooLargeError(StoreError):
    """An answer, or what is written, is larger than a message may be."""


def vendor_errors() -> tuple[type[Exception], ...]:
    """What the client may raise."""
    import grpc

    return pymilvus().MilvusException, grpc.RpcError, ValueError, TypeError, RuntimeError, OSError, KeyError


def explain(error: Exception, where: str) -> StoreError:
    """Our error for one of the client's."""
    import grpc

    if isinstance(error, grpc.RpcError):
        code = error.code() if isinstance(error, grpc.Call) else None
        details = error.details() if isinstance(error, grpc.Call) else error
        return _of_text(f"{getattr(code, 'name', '')}: {details}", where)
    if isinstance(error, pymilvus().MilvusException):
        number, said = getattr(error.code, "value", error.code), shortened(error.message)
        if number in (_GONE, _LEGACY_GONE) or error.compatible_code == _LEGACY_GONE:
            return _gone(where, said)
        if number == _NOT_LOADED or "not loaded" in said.lower():
            return NotLoadedError(f"{where}: a collection of the index is not loaded ({said}). Try again")
        if (number in _BUSY or error.retriable) and not any(part in said.lower() for part in _LOST):
            return TransientStoreError(f"{where}: the server fails for now ({said}). Try again")
        return _of_text(said, where)
    if isinstance(error, OSError):
        return TransientStoreError(f"{where}: the connection failed ({shortened(error)}). Try again")
    if "closed" in str(error).lower():
        return StoreError(f"{where}: this store was closed. Open another one")
    return StoreError(f"{where}: the client refuses ({shortened(error)})")


def _of_text(text: str, where: str) -> StoreError:
    said, lower = shortened(text), text.lower()
    if any(part in lower for part in _LARGE):
        return TooLargeError(
            f"{where}: a message is larger than Milvus takes ({said}). Raise proxy.grpc.serverMaxRecvSize "
            "and quotaAndLimits.limits.maxOutputSize, or cut documents into smaller chunks"
        )
    if any(part in lower for part in _UNKNOWN):
        return StoreError(f"{where}: the server refuses this token, or asks for one ({said}). Set token")
    if any(part in lower for part in _DENIED):
        return ReadOnlyError(
            f"{where}: this user's role does not allow it ({said}). To ask, a role needs Query, Search, "
            "DescribeCollection, ShowCollections and IndexDetail; to ingest, Upsert, Delete and "
            "RenameCollection too"
        )
    if "unimplemented" in lower or "http2" in lower:
        return StoreError(f"{where}: what answers there is no Milvus server ({said}). Check uri")
    if any(part in lower for part in _LOST):
        return TransientStoreError(f"{where}: the server cannot be reached ({said}). {_NO_SERVER}")
    if any(part in lower for part in _SLOW):
        return TransientStoreError(f"{where}: no answer within timeout_s ({said}). Try again, or raise it")
    if "closed channel" in lower or "should create connection first" in lower:
        return StoreError(f"{where}: this store was closed. Open another one")
    if "not found" in lower and "collection" in lower:
        return _gone(where, said)
    return StoreError(f"{where}: the server refuses ({said})")


def _gone(where: str, said: str) -> StoreError:
    return CorruptIndexError(
        f"{where}: a collection of the index is not there ({said}). Check uri, database and collection; "
        "restore it from a backup, or ingest again"
    )


def shortened(value: object) -> str:
    """What was said, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
