"""Texts of another library, ordered by a reranker of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ragkit import registry
from ragkit.errors import ModelError
from ragkit.protocols import Reranker


def reranker_of(model: Any, settings: Mapping[str, Any]) -> Reranker:
    """The reranker that a registered name means, or the one that was given.

    Raises:
        ConfigError: no such name, or wrong settings.
        ModelError: it is no reranker.
    """
    made = registry.load(model)(**settings) if isinstance(model, str) else model
    if not isinstance(made, Reranker):
        raise ModelError(f"model={model!r}: expected a reranker, got {type(made).__name__}")
    return made


def ordered(
    reranker: Reranker, question: str, texts: Sequence[str], k: int | None
) -> list[tuple[int, float]]:
    """The places of the best texts with their scores: score descending, then as they were.

    Raises:
        ModelError: the model gave what is no number.
    """
    if not texts:
        return []
    scores = reranker.score(question, texts)
    if len(scores) != len(texts) or not np.isfinite(scores).all():
        raise ModelError(f"{reranker.name} gave a score that is no number. Check the model's files")
    return [(int(i), float(scores[i])) for i in np.argsort(-scores, kind="stable")[:k]]
