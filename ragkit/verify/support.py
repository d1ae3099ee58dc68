"""How well evidence supports a claim, from 0 to 1: by words and embeddings, or by a model that reads both.

A support model is anything with `score`. Built in are `LexicalSupport`, the default, and `RerankerSupport`,
for a cross-encoder that was trained to judge entailment (a model of NLI whose score is that of entailment) or
relevance. A chat model judges in a stage of its own: `verify/judged`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from ragkit.errors import ModelError
from ragkit.protocols import Collection, Reranker


@dataclass(frozen=True, slots=True)
class Candidate:
    """Evidence for a claim: its text, and the share of the claim's words that it has, weighted by rarity."""

    text: str
    coverage: float = field(kw_only=True)


@runtime_checkable
class SupportModel(Protocol):
    """Judges how well each candidate supports a claim."""

    def score(self, claim: str, candidates: Sequence[Candidate]) -> list[float]:
        """One score in [0, 1] for each candidate, in order, whatever the other candidates are."""
        ...


@dataclass(frozen=True, slots=True)
class LexicalSupport:
    """Words weighted by rarity, and the similarity of embeddings where the embedder knows the language.

    Args:
        collection: whose embedder is asked; None goes by words alone.
        dense_share: weight of the embeddings.

    >>> LexicalSupport().score("It lasts two years.", [Candidate("Two years.", coverage=0.5)])
    [0.5]
    """

    collection: Collection | None = None
    dense_share: float = 0.25

    def score(self, claim: str, candidates: Sequence[Candidate]) -> list[float]:
        """One score for each candidate."""
        words = [candidate.coverage for candidate in candidates]
        collection = self.collection
        if collection is None or not self.dense_share or not candidates or not collection.knows(claim):
            return words
        vectors = collection.embed([claim, *(c.text for c in candidates)], "passage")
        cosines = np.clip(vectors[1:] @ vectors[0], 0.0, 1.0).tolist()
        share = self.dense_share
        return [(1 - share) * word + share * cosine for word, cosine in zip(words, cosines, strict=True)]


@dataclass(frozen=True, slots=True)
class RerankerSupport:
    """A cross-encoder's judgement: the claim as its query, the evidence as its passage.

    Args:
        model: the cross-encoder.
        scale: what its scores are: `logit` (squashed to 0 to 1) or `probability`.
    """

    model: Reranker
    scale: Literal["logit", "probability"] = "logit"

    def score(self, claim: str, candidates: Sequence[Candidate]) -> list[float]:
        """One score for each candidate.

        Raises:
            ModelError: the model gives something else than one number for each.
        """
        if not candidates:
            return []
        scores = self.model.score(claim, [candidate.text for candidate in candidates])
        if len(scores) != len(candidates) or not np.isfinite(scores).all():
            raise ModelError(
                f"reranker {self.model.name!r} gave {len(scores)} scores for {len(candidates)} texts, "
                "or one that is not a number. Check the model's files, or leave `reranker` out"
            )
        if self.scale == "probability":
            return [min(1.0, max(0.0, float(score))) for score in scores]
        return [1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, float(score))))) for score in scores]
