"""Embeddings as they go over the wire: the request's body, and the vectors in a reply's JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import InvalidOutputError
from ragkit.protocols import TextKind
from ragkit_connectors.openai.embedding_settings import EmbeddingSettings
from ragkit_connectors.openai.indexed import by_index
from ragkit_connectors.openai.wire import MOST_TOKENS, shortened

Numbers = NDArray[np.float32] | NDArray[np.float64]

# Endpoints refuse an empty text; a space has as little meaning.
_NOTHING = " "


def body_of(texts: Sequence[str], kind: TextKind, settings: EmbeddingSettings) -> bytes:
    """The request as JSON.

    Args:
        texts: as `readable` gave them.
        kind: what they are.
        settings: of the embedder.
    """
    body: dict[str, Any] = {"model": settings.model, "input": list(texts)}
    if settings.encoding is not None:
        body["encoding_format"] = settings.encoding
    if settings.dimensions is not None:
        body["dimensions"] = settings.dimensions
    body |= settings.extra | (settings.query_extra if kind == "query" else settings.passage_extra)
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def readable(text: str, kind: TextKind, settings: EmbeddingSettings) -> str:
    """The text with its prefix, without lone surrogates, and not empty."""
    whole = (settings.query_prefix if kind == "query" else settings.passage_prefix) + text
    return whole.encode("utf-8", "replace").decode("utf-8") or _NOTHING


def vectors_of(told: Any, n: int) -> list[Numbers]:
    """The vectors of a reply, in the order of the texts, as they came.

    Raises:
        InvalidOutputError: it is no list of embeddings, one is missing, double or no vector.

    >>> vectors_of({"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": "AACAPw=="}]}, 2)
    [array([1.], dtype=float32), array([2.])]
    """
    items = told.get("data") if isinstance(told, Mapping) else None
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise InvalidOutputError(
            f"expected a list of embeddings under `data`, got {shortened(told)}. Does base_url lead to an "
            "OpenAI-compatible endpoint for embeddings?"
        )
    return by_index(
        items, n, lambda item, index: _vector(item.get("embedding"), index), what="embedding", of="text"
    )


def tokens_of(told: Any) -> int | None:
    """How many tokens the endpoint counted; None where it does not say.

    >>> tokens_of({"usage": {"prompt_tokens": 7, "total_tokens": 7}}), tokens_of({"usage": None})
    (7, None)
    """
    usage = told.get("usage") if isinstance(told, Mapping) else None
    if not isinstance(usage, Mapping):
        return None
    counts = (usage.get("prompt_tokens"), usage.get("total_tokens"))
    return next((count for count in counts if type(count) is int and 0 <= count < MOST_TOKENS), None)


def _vector(told: Any, index: int) -> Numbers:
    try:
        if isinstance(told, str):
            return np.frombuffer(base64.b64decode(told, validate=True), dtype="<f4")
        if isinstance(told, list) and told and not any(isinstance(value, bool | str) for value in told):
            # In float64: what is no float32 must not become infinite, nor zero, before it has unit length.
            vector = np.asarray(told, dtype=np.float64)
            if vector.ndim == 1:
                return vector
    except (TypeError, ValueError, OverflowError, binascii.Error):
        pass
    raise InvalidOutputError(
        f"the embedding of text {index + 1} is no vector: {shortened(told)}. Expected numbers, or float32 in "
        "base64; try the other `encoding`"
    )
