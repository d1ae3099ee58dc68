"""`rerank/threshold`: drops hits that are not good enough, so that no answer is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.rerank.calibration import Calibration
from ragkit.settings import Settings
from ragkit.types import Hit, Ranking


@stage("rerank/threshold", inline=True)
class Threshold(Stage[Ranking, Ranking]):
    """Drops hits whose score is below `least`, or below `share` of the best one's.

    With a `calibration` both are of the probability that it makes of a score, which becomes the hit's score;
    what it was is under `before_threshold` in its `scores`. Where nothing is left the answer is an abstention
    with reason `no_evidence`. The first `min_k` hits stay whatever their scores.

    A share says nothing where the best score is 0 or less, as logits may be; nothing is dropped for it then.

    >>> Threshold(least=0.3, min_k=1).config.min_k
    1
    """

    class Config(Settings):
        least: float | None = Field(
            None, allow_inf_nan=False, description="Lowest score that is kept; null for no such limit."
        )
        share: float | None = Field(
            None,
            gt=0.0,
            le=1.0,
            description="Lowest share of the best score that is kept; null for no limit.",
        )
        min_k: int = Field(0, ge=0, description="Hits that stay whatever their scores.")
        calibration: Calibration | None = Field(
            None, description="Makes a probability of a score; `Calibration.fitted` finds it."
        )

        @model_validator(mode="after")
        def _has_a_limit(self) -> Self:
            if self.least is None and self.share is None:
                raise ValueError("set `least` or `share`, or nothing is ever dropped")
            return self

    config: Config

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        if not ranking.hits:
            return ranking
        calibration = self.config.calibration
        given = [hit.score for hit in ranking.hits]
        scores = np.asarray(given) if calibration is None else calibration.of(given)
        limit = self._limit(scores)
        kept = [
            hit if calibration is None else _rescored(hit, float(score))
            for n, (hit, score) in enumerate(zip(ranking.hits, scores, strict=True))
            if n < self.config.min_k or score >= limit
        ]
        ctx.note(dropped=len(given) - len(kept), limit=float(limit), best=float(scores.max()))
        return replace(ranking, hits=tuple(kept))

    def _limit(self, scores: NDArray[np.float64]) -> float:
        limits = [-np.inf]
        if self.config.least is not None:
            limits.append(self.config.least)
        best = float(scores.max())
        if self.config.share is not None and best > 0:
            limits.append(self.config.share * best)
        return float(max(limits))


def _rescored(hit: Hit, score: float) -> Hit:
    return Hit(hit.chunk, score, scores={**hit.scores, "before_threshold": hit.score})
