"""`rerank/mmr`: maximal marginal relevance, for a ranking without repetitions.

Source: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998: pick next the hit
that maximises `λ · relevance − (1 − λ) · max similarity to those already picked`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources, Vectors
from ragkit.settings import Settings
from ragkit.types import Hit, Ranking


@stage("rerank/mmr")
class MmrRerank(Stage[Ranking, Ranking]):
    """Keeps the `k` hits that are relevant and unlike each other, by the collection's stored vectors.

    Relevance is the incoming score scaled to [0, 1] over the ranking. Ties go to the earlier hit.

    >>> MmrRerank(k=5, diversity=0.3).config.diversity
    0.3
    """

    class Config(Settings):
        k: int = Field(10, ge=1, description="Hits to keep.")
        diversity: float = Field(
            0.3, ge=0.0, le=1.0, description="0 keeps the order as it is, 1 looks at difference alone."
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        hits = ranking.hits
        if len(hits) < 2:
            return ranking
        vectors = self.collection.vectors([hit.chunk.id for hit in hits], ranking.plan)
        scores = np.array([hit.score for hit in hits], dtype=np.float32)
        picked = marginal_order(scores, vectors, self.config.k, self.config.diversity)
        return Ranking(ranking.plan, tuple(_with_rank_score(hits[i], n) for n, i in enumerate(picked)))


def marginal_order(scores: NDArray[np.float32], vectors: Vectors, k: int, diversity: float) -> list[int]:
    """Positions of up to `k` hits in the order in which MMR picks them.

    Args:
        scores: shape `[n]`, higher is better.
        vectors: shape `[n, d]`, unit length.
        k: how many to pick.
        diversity: `1 − λ`.
    """
    low, high = float(np.min(scores)), float(np.max(scores))
    relevance = (scores - low) / (high - low) if high > low else np.ones_like(scores)
    nearest = np.zeros(len(scores), dtype=np.float32)
    left = np.ones(len(scores), dtype=bool)
    picked: list[int] = []
    for _ in range(min(k, len(scores))):
        value = (1.0 - diversity) * relevance - diversity * nearest
        best = int(np.argmax(np.where(left, value, -np.inf)))
        picked.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return picked


def _with_rank_score(hit: Hit, n: int) -> Hit:
    # The score must fall along the new order, or the next stage would undo it.
    return Hit(hit.chunk, 1.0 / (1.0 + n), scores={**hit.scores, "before_mmr": hit.score})
