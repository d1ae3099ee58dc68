"""What went wrong at an endpoint → the error of ours that says what to do."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from ragkit.errors import (
    ContextTooLongError,
    ModelAuthError,
    ModelError,
    ModelRequestError,
    ModelUnavailableError,
    RateLimitError,
)

_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum context|too many (input )?tokens|(prompt|input) is too long"
    r"|exceeds? the (maximum|available|model)"
    # Of texts that are embedded or ranked: too many at a time (OpenAI, TEI, those made with pydantic), or one
    # of them is too long (TEI).
    r"|maximum request size|array too long|batch size|at most \d+ item|must have less than \d+ tokens",
    re.IGNORECASE,
)
# llama.cpp says so with status 500.
_TOO_LARGE = "input is too large to process"
_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as an endpoint told it.

    >>> Fault.read(b'{"error": {"message": "no such model", "code": "model_not_found"}}').code
    'model_not_found'
    """

    message: str
    code: str = ""
    status: int | None = None

    @classmethod
    def read(cls, body: bytes) -> Fault:
        """What a body says, in whatever form."""
        text = body.decode("utf-8", "replace").strip()
        try:
            told = json.loads(text)
            return cls.of(told.get("error", told) if isinstance(told, Mapping) else told)
        except (ValueError, RecursionError):
            return cls(text)

    @classmethod
    def of(cls, error: Any) -> Fault:
        """What an `error` object says."""
        if not isinstance(error, Mapping):
            return cls(_printable(error))
        code, message = error.get("code"), error.get("message") or error.get("detail") or json.dumps(error)
        status = code if isinstance(code, int) and 400 <= code < 600 else None
        named = code if isinstance(code, str) else error.get("type")
        return cls(_printable(message), named if isinstance(named, str) else "", status)

    @property
    def is_content_filter(self) -> bool:
        """Whether the provider's filter withheld the question."""
        return self.code in ("content_filter", "content_policy_violation")


def _printable(message: object) -> str:
    """Without halves of surrogate pairs, which JSON may hold and no file nor terminal takes."""
    return str(message).encode("utf-8", "replace").decode("utf-8")


def error_of(fault: Fault, status: int, where: str, *, retry_after_s: float | None = None) -> ModelError:
    """The error for a status and what the body said."""
    said = f"{where} answered {status}"
    if fault.message:
        said += f": {fault.message[:_SHOWN]}{'…' if len(fault.message) > _SHOWN else ''}"
    if fault.code in _QUOTA:
        return RateLimitError(
            f"{said}. The account's quota is used up: see to its plan", retry_after_s=math.inf
        )
    if status == 429 or fault.code in ("rate_limit_exceeded", "rate_limit_error"):
        return RateLimitError(
            f"{said}. Ask less at a time, or raise the account's limits", retry_after_s=retry_after_s
        )
    if status in (401, 403):
        return ModelAuthError(f"{said}. Set api_key (or headers) of this model to a key that may use it")
    if fault.code == "context_length_exceeded" or status == 413 or _too_long(fault, status):
        return ContextTooLongError(f"{said}. Send fewer or shorter passages, or use a model with more room")
    # 424: what runs the model behind a text-embeddings-inference server failed.
    if status >= 500 or status in (408, 409, 424, 425):
        return ModelUnavailableError(
            f"{said}. Try again later", retry_after_s=retry_after_s, took_nothing=True
        )
    if status == 404:
        return ModelRequestError(f"{said}. Check base_url and model")
    if 300 <= status < 400:
        return ModelRequestError(f"{said}, which sends the request elsewhere. Give the right base_url")
    return ModelRequestError(f"{said}. Check the settings of this model")


def _too_long(fault: Fault, status: int) -> bool:
    return (status in (400, 422) and bool(_TOO_LONG.search(fault.message))) or (
        status == 500 and _TOO_LARGE in fault.message
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How long the endpoint asks to wait, in seconds; None where it does not say.

    >>> retry_after({"retry-after": "2"}), retry_after({"retry-after-ms": "250"}), retry_after({})
    (2.0, 0.25, None)
    """
    for key, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[key]) * unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
