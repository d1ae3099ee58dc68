"""What the client says, in ragkit's errors, with the remedy."""

from __future__ import annotations

from json import JSONDecodeError

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote.server import ReadOnlyError

_MOST_SHOWN = 300
_NO_SERVER = "Check that the server runs, and host and port of url; then try again"


def vendor_errors() -> tuple[type[Exception], ...]:
    """What the client may raise."""
    import grpc
    import httpx
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException

    return (
        ApiException,
        QdrantException,
        grpc.RpcError,
        httpx.HTTPError,
        httpx.InvalidURL,
        ValueError,
        RuntimeError,
        OSError,
    )


def explain(error: Exception, where: str) -> StoreError:
    """Our error for one of the client's."""
    import grpc
    import httpx
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    source = error.source if isinstance(error, ResponseHandlingException) else error
    said = shortened(source)
    if isinstance(source, UnexpectedResponse):
        return _of_status(source.status_code or 0, shortened(source.content.decode(errors="replace")), where)
    if isinstance(source, ResourceExhaustedResponse):
        return TransientStoreError(f"{where}: the server has too much to do ({said}). Try again later")
    if isinstance(source, grpc.RpcError):
        return _of_grpc(source, where)
    if isinstance(source, httpx.ConnectError | httpx.ConnectTimeout):
        return TransientStoreError(f"{where}: the server cannot be reached ({said}). {_NO_SERVER}")
    if isinstance(source, httpx.TimeoutException):
        return TransientStoreError(f"{where}: no answer within timeout_s ({said}). Try again, or raise it")
    if isinstance(source, httpx.TransportError | OSError):
        return TransientStoreError(f"{where}: the connection failed ({said}). Try again")
    if "closed" in said:
        return StoreError(f"{where}: this store was closed. Open another one")
    if "not found" in said and "ollection" in said:
        return _gone(where, said)
    if isinstance(error, ResponseHandlingException | JSONDecodeError):
        return StoreError(f"{where}: what answers there is no Qdrant server ({said}). Check url")
    return StoreError(f"{where}: the client refuses ({said})")


def _of_status(status: int, said: str, where: str) -> StoreError:
    if status in (401, 403):
        error = ReadOnlyError if status == 403 else StoreError
        return error(
            f"{where}: the server refuses this api_key, or asks for one (HTTP {status}). Set api_key; for "
            "writing it must not be a read-only key"
        )
    if status == 404:
        return _gone(where, said)
    if status in (408, 429) or status >= 500:
        return TransientStoreError(f"{where}: the server fails for now (HTTP {status}: {said}). Try again")
    return StoreError(f"{where}: the server refuses (HTTP {status}: {said})")


def _of_grpc(error: Exception, where: str) -> StoreError:
    import grpc

    code = error.code() if isinstance(error, grpc.Call) else None
    said = shortened(error.details() or "") if isinstance(error, grpc.Call) else shortened(error)
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return _of_status(401 if code == grpc.StatusCode.UNAUTHENTICATED else 403, said, where)
    if code == grpc.StatusCode.NOT_FOUND:
        return _gone(where, said)
    if code == grpc.StatusCode.UNAVAILABLE:
        return TransientStoreError(f"{where}: the server cannot be reached ({said}). {_NO_SERVER}")
    if code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED, None):
        return TransientStoreError(f"{where}: no answer for now ({said}). Try again")
    return StoreError(f"{where}: the server refuses ({said})")


def _gone(where: str, said: str) -> StoreError:
    return CorruptIndexError(
        f"{where}: a collection of the index is not there ({said}). Check url and collection; restore it "
        "from a snapshot, or ingest again"
    )


def shortened(value: object) -> str:
    """What was said, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
