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

# Half: of 48 true English rewordings and as many sentences of other passages, words alone part 0.25 from
# 0.29 (3 % and 97 % of them), embeddings alone 0.41 from 0.51; together they overlap the least.
DENSE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """Evidence for a claim: its text, the share of the claim's words that it has, and its sentences."""

    text: str
    coverage: float = field(kw_only=True)
    sentences: tuple[str, ...] = field(default=(), kw_only=True)


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
    dense_share: float = DENSE_SHARE

    def score(self, claim: str, candidates: Sequence[Candidate]) -> list[float]:
        """One score for each candidate."""
        words = [candidate.coverage for candidate in candidates]
        collection = self.collection
        if collection is None or not self.dense_share or not candidates or not collection.knows(claim):
            return words
        share = self.dense_share
        return [
            (1 - share) * word + share * self._similarity(claim, candidate)
            for word, candidate in zip(words, candidates, strict=True)
        ]

    def _similarity(self, claim: str, candidate: Candidate) -> float:
        """The cosine of the sentence, or of all of them together, that is nearest to the claim."""
        assert self.collection is not None
        return max(similarities(self.collection, claim, [candidate.text, *candidate.sentences]), default=0.0)


def similarities(collection: Collection, claim: str, texts: Sequence[str]) -> list[float]:
    """How near each text is to the claim, by the collection's embedder: cosines, no less than 0."""
    vectors = collection.embed([claim, *texts], "passage")
    cosines: list[float] = np.clip(vectors[1:] @ vectors[0], 0.0, 1.0).tolist()
    return cosines


Scale = Literal["logit", "probability"]


def scale_of(model: Reranker, configured: Literal["auto", "logit", "probability"]) -> Scale:
    """What a cross-encoder's scores are: as configured, else as its `scale` says, else logits."""
    if configured != "auto":
        return configured
    return "probability" if getattr(model, "scale", "") == "probability" else "logit"


@dataclass(frozen=True, slots=True)
class RerankerSupport:
    """A cross-encoder's judgement: the claim as its query, the evidence as its passage.

    Args:
        model: the cross-encoder.
        scale: what its scores are: `logit` (squashed to 0 to 1) or `probability`.
    """

    model: Reranker
    scale: Scale = "logit"

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
