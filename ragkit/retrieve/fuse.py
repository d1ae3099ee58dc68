"""Fusion: rankings of several retrievers and queries become one, cut to `k`, with their texts.

Kernels work on arrays; objects are made once, after the cut. Of several queries each counts with its part of
the sum of their weights. What a retriever trusts little itself (`trust`) counts less beside what is trusted
more, and what it does not trust (0) does not count.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.arrays import HitBatch, Scores
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.types import ArmRanking, Hit, Query, QueryPlan, Ranking, Rankings

# Finite in float32 whatever the score; none counts against what a retriever found.
Weight = Annotated[float, Field(ge=0.0, le=1e6)]
Normalization = Literal["ceiling", "minmax", "zscore", "dbsf"]

# Of ranks and of scores that say nothing of how good the best one is, a doubtful ranking may only order what
# the others leave even or did not find: at a third of the weight it took half of what BM25 finds in Russian.
_DOUBTFUL, _FILLS = 0.5, 1e-3

_SMALLEST_WIDTH = float(np.finfo(np.float32).tiny)


class Fuse(Stage[Rankings, Ranking]):
    """What every fusion shares: weights, the cut, and the texts of what is left."""

    class Config(Settings):
        k: int = Field(10, ge=1, le=10_000, description="Chunks to keep.")
        weights: Mapping[str, Weight] = Field(
            default_factory=dict, description="Weight of each retriever by name; 1 where none is given."
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.inline = self.collection.is_fast

    def run(self, rankings: Rankings, ctx: RunContext) -> Ranking:
        arms, weights = self._weighted(tuple(map(_sound, rankings.arms)), ctx)
        fused = self.fuse(arms, weights).top(self.config.k)
        return Ranking(rankings.plan, self._hits(fused, arms, rankings.plan))

    @abstractmethod
    def fuse(self, arms: Sequence[ArmRanking], weights: Sequence[float]) -> HitBatch:
        """One batch of all ids of the arms, each arm counting with its weight."""

    def credit(self, trust: float) -> float:
        """What an arm's weight is multiplied by, of its trust as a share of the greatest one."""
        return _FILLS if trust < _DOUBTFUL else trust

    def _weighted(
        self, arms: tuple[ArmRanking, ...], ctx: RunContext
    ) -> tuple[tuple[ArmRanking, ...], list[float]]:
        most = max((arm.trust for arm in arms), default=0.0)
        kept = tuple(arm for arm in arms if arm.trust > 0 or not most)
        if len(kept) < len(arms):
            ctx.note(left_out=sorted({arm.retriever for arm in arms} - {arm.retriever for arm in kept}))
        given, shares = self.config.weights, _shares([arm.query for arm in kept])
        if "weights" in self.config.model_fields_set:
            idle = sorted(set(given) - {arm.retriever for arm in arms})
            if idle:
                ctx.note(weights_of_nobody=idle)
        weights = [given.get(arm.retriever, 1.0) * shares[arm.query.id] for arm in kept]
        shares_of_trust = [arm.trust / most if most else 1.0 for arm in kept]
        return kept, [w * self.credit(share) for w, share in zip(weights, shares_of_trust, strict=True)]

    def _hits(self, fused: HitBatch, arms: tuple[ArmRanking, ...], plan: QueryPlan) -> tuple[Hit, ...]:
        ids = fused.id_list()
        by_arm = [
            (arm.retriever, dict(zip(arm.hits.ids.tolist(), arm.hits.scores.tolist(), strict=True)))
            for arm in arms
        ]
        hits = []
        for chunk, key, score in zip(
            self.collection.fetch(ids, plan), fused.ids.tolist(), fused.scores.tolist(), strict=True
        ):
            if chunk is not None:
                scores: dict[str, float] = {}
                for name, found in by_arm:
                    if key in found:
                        scores[name] = max(found[key], scores.get(name, found[key]))
                hits.append(Hit(chunk, score, scores=scores))
        return tuple(hits)


@stage("fuse/rrf")
class RrfFuse(Fuse):
    """Reciprocal rank fusion: a chunk's score is the sum of `weight / (constant + rank)` over the arms.

    Ranks count from 1. It looks at order alone, so it needs no scores that can be compared. Source:
    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet …", SIGIR 2009.

    >>> RrfFuse(k=5).config.constant
    60
    """

    class Config(Fuse.Config):
        constant: int = Field(60, ge=0, description="Larger values flatten the difference between ranks.")

    config: Config

    def fuse(self, arms: Sequence[ArmRanking], weights: Sequence[float]) -> HitBatch:
        """The fused batch, score descending, then id."""
        constant = self.config.constant
        parts = [
            np.float32(weight) / np.arange(constant + 1, constant + 1 + len(arm.hits), dtype=np.float32)
            for arm, weight in zip(arms, weights, strict=True)
        ]
        return combine([arm.hits for arm in arms], parts, absent=[0.0] * len(arms))


@stage("fuse/weighted")
class WeightedFuse(Fuse):
    """A weighted sum of the arms' scores, each brought to a common scale first.

    `ceiling` divides by the score a perfect match would have (1 for cosine, the sum of the query's idf for
    BM25), so a score means the same for every query and a poor best hit stays poor. `minmax`, `zscore` and
    `dbsf` (mean ± 3 standard deviations to 0–1) scale each ranking by itself. A chunk that an arm did not
    return counts as the arm's `floor` under `ceiling`, else as the lowest score it returned.

    The weights 0.35 (dense) and 0.65 (BM25) are the middle of the plateau of a grid under `ceiling` on
    SciFact, SQuAD 1.1 and product documentation; see docs/decisions/0002-default-fusion.md.

    >>> WeightedFuse(normalize="zscore", weights={"dense": 1.0}).config.normalize
    'zscore'
    """

    class Config(Fuse.Config):
        weights: Mapping[str, Weight] = Field(
            default_factory=lambda: {"dense": 0.35, "bm25": 0.65},
            description="Weight of each retriever by name; 1 where none is given.",
        )
        normalize: Normalization = Field("ceiling", description="How scores come to a common scale.")

    config: Config

    def credit(self, trust: float) -> float:
        """As it is under `ceiling`, where the scores of a ranking that found nothing differ little."""
        return trust if self.config.normalize == "ceiling" else super().credit(trust)

    def fuse(self, arms: Sequence[ArmRanking], weights: Sequence[float]) -> HitBatch:
        """The fused batch, score descending, then id."""
        parts, absent = [], []
        for arm, weight in zip(arms, weights, strict=True):
            offset, scale = scaling(arm.hits, self.config.normalize)
            parts.append((arm.hits.scores - np.float32(offset)) * np.float32(weight * scale))
            floor = arm.floor if self.config.normalize == "ceiling" else _lowest(arm.hits)
            absent.append(weight * (floor - offset) * scale)
        return combine([arm.hits for arm in arms], parts, absent)


def _sound(arm: ArmRanking) -> ArmRanking:
    """The ranking without hits whose score is no number: one of a retriever of your own would spoil all."""
    is_finite = np.isfinite(arm.hits.scores)
    if is_finite.all() and math.isfinite(arm.floor):
        return arm
    hits = HitBatch(arm.hits.ids[is_finite], arm.hits.scores[is_finite], arm.hits.ceiling)
    return replace(arm, hits=hits, floor=arm.floor if math.isfinite(arm.floor) else _lowest(hits))


def _shares(queries: Sequence[Query]) -> dict[str, float]:
    """What part each query has in the whole, by id, so that scores mean the same however many there are."""
    weights = {query.id: query.weight for query in queries}
    total = sum(weights.values())
    return {id_: weight / total if total > 0 else 0.0 for id_, weight in weights.items()}


def _lowest(batch: HitBatch) -> float:
    return float(batch.scores[-1]) if len(batch) else 0.0


def scaling(batch: HitBatch, how: Normalization) -> tuple[float, float]:
    """`(offset, scale)` such that `(score - offset) * scale` is on the common scale.

    A ranking whose scores are all the same is scaled to 0 by `minmax` and `zscore`, to ½ by `dbsf`.
    """
    scores = batch.scores
    if not len(scores):
        return 0.0, 0.0
    if how == "ceiling":
        return 0.0, 1.0 / batch.ceiling if batch.ceiling > 0 else 0.0
    if how == "minmax":
        low, width = float(np.min(scores)), float(np.ptp(scores))
        return low, _reciprocal(width)
    mean, deviation = float(scores.mean()), float(scores.std())
    if how == "zscore":
        return mean, _reciprocal(deviation)
    scale = _reciprocal(6.0 * deviation)
    return (mean - 3.0 * deviation, scale) if scale else (mean - 0.5, 1.0)


def _reciprocal(width: float) -> float:
    """1 / width; 0 where scores are the same, or so near that float32 could not hold the scale."""
    return 1.0 / width if width >= _SMALLEST_WIDTH else 0.0


def combine(batches: Sequence[HitBatch], parts: Sequence[Scores], absent: Sequence[float]) -> HitBatch:
    """Adds up each id's parts over the arms.

    Args:
        batches: the arms; their ids are unique within an arm.
        parts: what each arm gives to each of its ids, shape `[n]` like the arm.
        absent: what each arm gives to an id that it did not return.

    Returns:
        All ids, score descending, then id ascending.
    """
    if not batches:
        return HitBatch.empty()
    ids, where = np.unique(np.concatenate([batch.ids for batch in batches]), return_inverse=True)
    total: NDArray[np.float64] = np.full(len(ids), sum(absent), dtype=np.float64)
    start = 0
    for batch, part, missing in zip(batches, parts, absent, strict=True):
        total[where[start : start + len(batch)]] += part.astype(np.float64) - missing
        start += len(batch)
    return HitBatch(ids, total.astype(np.float32)).sorted()
