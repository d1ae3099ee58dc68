"""What a library of chat models raised → the error of ours that says what to do."""

from __future__ import annotations

from typing import Any

from ragkit.errors import ModelError, ModelTimeoutError, ModelUnavailableError
from ragkit_connectors.openai.faults import Fault, error_of, retry_after


def told(error: Exception, where: str) -> ModelError:
    """The error that stands for one of a library's.

    A status of HTTP decides, which most of them carry; else whether it is a matter of time or of connecting.
    What is left is told as it is.

    >>> told(TimeoutError("late"), "langchain")
    ModelTimeoutError('langchain: TimeoutError: late')
    """
    if isinstance(error, ModelError):
        return error
    said = f"{where}: {type(error).__name__}: {str(error)[:300]}"
    status = _status(error)
    if status is not None:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        fault = Fault.of(getattr(error, "body", None) or str(error))
        fault = Fault(str(error), fault.code or str(getattr(error, "code", None) or ""))
        return error_of(fault, status, where, retry_after_s=retry_after(headers))
    names = {cls.__name__ for cls in type(error).__mro__}
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in names):
        return ModelTimeoutError(said)
    if isinstance(error, OSError) or names & {
        "APIConnectionError",
        "TransportError",
        "ClientConnectionError",
    }:
        return ModelUnavailableError(said)
    return ModelError(said)


def _status(error: Exception) -> int | None:
    candidates: list[Any] = [
        getattr(error, name, None) for name in ("status_code", "http_status", "status", "code")
    ]
    candidates.append(getattr(getattr(error, "response", None), "status_code", None))
    return next((c for c in candidates if type(c) is int and 400 <= c < 600), None)
