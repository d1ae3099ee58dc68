"""What the client says, in ragkit's errors, with the remedy."""

from __future__ import annotations

from typing import Any

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote.server import ReadOnlyError

_MOST_SHOWN = 300
_NO_SERVER = "Check that the server runs, and host and port of hosts; then try again"


class ConflictError(StoreError):
    """Somebody else changed a document first."""


def vendor_errors() -> tuple[type[Exception], ...]:
    """What the client may raise."""
    from opensearchpy.exceptions import OpenSearchException

    return OpenSearchException, ValueError, RuntimeError, OSError


def explain(error: Exception, where: str) -> StoreError:
    """Our error for one of the client's."""
    from opensearchpy import exceptions as vendor

    said = shortened(error)
    if isinstance(error, vendor.SSLError):
        return StoreError(
            f"{where}: the server's certificate is not accepted ({shortened(error.error)}). Set ca_certs to "
            "the file of the authority that signed it, or https:// to http:// where the server speaks plainly"
        )
    if isinstance(error, vendor.SerializationError) or isinstance(
        getattr(error, "info", None), UnicodeDecodeError
    ):
        return StoreError(f"{where}: what answers there is no OpenSearch server ({said}). Check hosts")
    if isinstance(error, vendor.ConnectionTimeout):
        return TransientStoreError(f"{where}: no answer within timeout_s ({said}). Try again, or raise it")
    if isinstance(error, vendor.ConnectionError):
        return TransientStoreError(
            f"{where}: the server cannot be reached ({shortened(error.error)}). {_NO_SERVER}"
        )
    if isinstance(error, vendor.TransportError):
        return _of_status(int(error.status_code), error.error, error.info, where)
    if isinstance(error, OSError):
        return TransientStoreError(f"{where}: the connection failed ({said}). Try again")
    return StoreError(f"{where}: the client refuses ({said})")


def explain_item(item: dict[str, Any], where: str) -> StoreError:
    """Our error for one item of a bulk request that failed."""
    error = item.get("error") or {}
    kind = str(error.get("type", "")) if isinstance(error, dict) else ""
    return _of_status(int(item.get("status", 0)), kind, {"error": error}, where)


def _of_status(status: int, kind: str, info: Any, where: str) -> StoreError:
    said = reason_of(info) or kind
    if status == 401:
        return StoreError(
            f"{where}: the server refuses this user and password, or asks for them (HTTP 401). Set user and "
            "password"
        )
    if "block" in kind and status in (403, 429):
        error = TransientStoreError if status == 429 else StoreError
        return error(
            f"{where}: the index is closed for writing (HTTP {status}: {said}). Make room on the disks, or "
            "take the block away: index.blocks.read_only_allow_delete: null"
        )
    if status == 403:
        return ReadOnlyError(
            f"{where}: this user's role does not allow it (HTTP 403: {said}). To ask, a role needs read; to "
            "ingest, write and manage too, on both indexes"
        )
    if status == 409:
        return ConflictError(f"{where}: somebody else changed it first ({said}). Try again")
    if status == 404 and "search_context_missing" in said:
        return TransientStoreError(f"{where}: the server lost its place in a long answer ({said}). Try again")
    if status == 404:
        return CorruptIndexError(
            f"{where}: an index is not there ({said}). Check hosts and name; restore both indexes from a "
            "snapshot, or ingest again"
        )
    if status == 413:
        return StoreError(f"{where}: a document is larger than the server takes ({said}). Split it")
    if status in (408, 429) or status >= 500:
        return TransientStoreError(f"{where}: the server fails for now (HTTP {status}: {said}). Try again")
    if "strict_dynamic_mapping" in f"{kind} {said}":
        return StoreError(
            f"{where}: the index lacks a field ({said}): an older ragkit made it. Let a role that may manage "
            "both indexes open it once, which adds the field: ragkit check"
        )
    if "knn_vector" in said or "index.knn" in said or "[knn]" in said:
        return missing_plugin(where, said)
    return StoreError(f"{where}: the server refuses (HTTP {status}: {said})")


def missing_plugin(where: str, said: str) -> StoreError:
    """The error of a server that knows no vectors."""
    return StoreError(
        f"{where}: the server has no k-NN plugin ({said}). Install it on every node and restart them: "
        "bin/opensearch-plugin install opensearch-knn; or use the full distribution of OpenSearch"
    )


def reason_of(info: Any) -> str:
    """The innermost reason of an error's body, and its kind."""
    error = info.get("error") if isinstance(info, dict) else info
    if not isinstance(error, dict):
        return shortened(error or "")
    causes = error.get("root_cause") or [error]
    cause = causes[0] if isinstance(causes, list) and isinstance(causes[0], dict) else error
    inner = error.get("caused_by")
    parts = [f"{cause.get('type')}: {cause.get('reason')}"]
    if isinstance(inner, dict):
        parts.append(f"{inner.get('reason')}")
    return shortened("; ".join(parts))


def shortened(value: object) -> str:
    """What was said, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
