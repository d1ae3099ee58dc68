"""`rerank/model`: a cross-encoder reads question and passage together and sets the order."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ragkit.errors import ModelError
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Reranker, Resources
from ragkit.settings import RerankerRef, Settings
from ragkit.text.language import detect_language
from ragkit.types import Hit, Ranking


@stage("rerank/model")
class ModelRerank(Stage[Ranking, Ranking]):
    """Scores the hits with a reranker model and keeps the best `k`.

    Order is score descending, then chunk id. A model that does not know the question's language leaves the
    order as it was, and the trace says so.

    >>> ModelRerank(model="rerank", k=4).config.k
    4
    """

    class Config(Settings):
        model: RerankerRef = Field(description="Name of a reranker under `models:`.")
        k: int = Field(8, ge=1, description="Hits to keep.")
        candidates: int = Field(50, ge=1, description="Hits to score; those further down are dropped.")
        unknown_language: Literal["keep", "score"] = Field(
            "keep", description="What to do with a question in a language the model was not trained on."
        )

    config: Config
    model: Reranker

    def setup(self, resources: Resources) -> None:
        self.model = resources.reranker(self.config.model)

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        question, hits = ranking.plan.question, ranking.hits[: self.config.candidates]
        language = detect_language(question)
        known = not self.model.languages or language in self.model.languages or language == "und"
        if not hits:
            return ranking
        if not known and self.config.unknown_language == "keep":
            ctx.note(order="kept", why=f"{self.model.name} was not trained on {language!r}")
            return Ranking(ranking.plan, hits[: self.config.k])
        scores = self.model.score(question, [hit.chunk.search_text for hit in hits])
        if len(scores) != len(hits) or not np.isfinite(scores).all():
            raise ModelError(
                f"reranker {self.model.name!r} gave {len(scores)} scores for {len(hits)} passages, "
                "or one that is not a number. Check the model's files, or set `on_error: skip` on this node"
            )
        rescored = [
            Hit(hit.chunk, float(score), scores={**hit.scores, "before_rerank": hit.score})
            for hit, score in zip(hits, scores, strict=True)
        ]
        rescored.sort(key=lambda hit: (-hit.score, hit.chunk.id))
        return Ranking(ranking.plan, tuple(rescored[: self.config.k]))
