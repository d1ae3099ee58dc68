"""`rerank/model`: a cross-encoder reads question and passage together and sets the order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from ragkit.errors import ModelError, StoreError
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import BlendingReranker, Collection, PassageReader, Reranker, Resources
from ragkit.rerank.blend import Blend, Numbers
from ragkit.rerank.known import known_passages, knows_language
from ragkit.settings import RerankerRef, Settings
from ragkit.text.language import detect_language
from ragkit.types import Hit, QueryPlan, Ranking

_READ_TOGETHER = 8  # passages between two looks at whether the order is settled: enough for all cores


@stage("rerank/model")
class ModelRerank(Stage[Ranking, Ranking]):
    """Scores the hits with a reranker model and keeps the best `k`.

    A model that brings its own weights for it is blended with the order before, as a model does that
    `ragkit models train-reranker` made. The scores are then probabilities; the two parts
    are under `before_rerank` and `rerank` in a hit's `scores`. Where such a model says how high its scores
    get, passages that could not come among the best `k` any more are not read; that changes no result. Nor
    does it matter whether what a model reads in passages was kept with them when they were ingested, but for
    the time that it takes; the trace says how many had to be `read` now.

    Order is score descending, then chunk id. A model that does not know the question's language leaves the
    order as it was, and the trace says so; a passage in a language that it does not know keeps its place
    among those that it does not know either.

    >>> ModelRerank(model="rerank", k=4).config.k
    4
    """

    class Config(Settings):
        model: RerankerRef = Field(description="Name of a reranker under `models:`.")
        k: int = Field(8, ge=1, description="Hits to keep.")
        candidates: int = Field(
            50, ge=1, description="Hits to score at most; those further down are dropped."
        )
        first_weight: float | None = Field(
            None,
            ge=0.0,
            le=1e6,
            description="Weight of the standardised score before, against 1 for the model's; left out: what "
            "the model brings along, or 0.",
        )
        unknown_language: Literal["keep", "score"] = Field(
            "keep", description="What to do with a question in a language the model was not trained on."
        )

    config: Config
    model: Reranker
    blend: Blend | None
    collection: Collection
    reader: PassageReader | None

    def setup(self, resources: Resources) -> None:
        self.model = resources.reranker(self.config.model)
        # Asked once: to check a protocol at run time takes longer than to blend the scores.
        self.reader = self.model if isinstance(self.model, PassageReader) else None
        self.collection = resources.collection
        given = self.config.first_weight
        if given is not None:
            self.blend = Blend.weighing(given) if given else None
        elif isinstance(self.model, BlendingReranker) and self.model.blend is not None:
            self.blend = Blend.given(self.model.name, self.model.blend)
        else:
            self.blend = None

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        question, hits = ranking.plan.understood, ranking.hits[: self.config.candidates]
        if not hits:
            return ranking
        language = detect_language(question)
        if self.config.unknown_language == "keep" and not knows_language(self.model, language):
            ctx.note(order="kept", why=f"{self.model.name} was not trained on {language!r}")
            return Ranking(ranking.plan, hits[: self.config.k])
        scoring = _Scoring(self.model, self.reader, question, self._readings(hits, ranking.plan))
        if self.blend is None:
            scores = final = scoring.of(hits)
        else:
            hits, scores, final = self._blended(scoring, hits, self.blend)
        ctx.note(scored=int(np.isfinite(scores).sum()), **scoring.told())
        rescored = [
            Hit(hit.chunk, float(new), scores={**hit.scores, **_told(hit, float(score))})
            for hit, new, score in zip(hits, final, scores, strict=True)
        ]
        rescored.sort(key=lambda hit: (-hit.score, hit.chunk.id))
        return Ranking(ranking.plan, tuple(rescored[: self.config.k]))

    def _blended(
        self, scoring: _Scoring, hits: tuple[Hit, ...], blend: Blend
    ) -> tuple[tuple[Hit, ...], Numbers, Numbers]:
        """Hits, scores and blended scores, without the hits that cannot come among the best `k`.

        The score of a passage that is not judged is NaN.
        """
        n_words = len(scoring.question.split())
        before = np.array([hit.score for hit in hits], dtype=np.float64)
        judged = known_passages(self.model, hits) | (self.config.unknown_language == "score")
        scores = np.full(len(hits), np.nan)
        if not judged.all():
            # A passage that is not judged has the mean of the others: all of them must be known.
            if judged.any():
                scores[judged] = scoring.of(
                    [hit for hit, is_known in zip(hits, judged, strict=True) if is_known]
                )
            return hits, scores, blend.of(before, scores, n_words=n_words)
        reach, n_read = blend.reach(before, n_words=n_words), 0
        while n_read < len(hits):
            # To look whether the order is settled takes longer than to score what was read before.
            can_settle = blend.highest is not None and not scoring.is_read
            at_once = max(self.config.k, _READ_TOGETHER) if can_settle else len(hits)
            some = slice(n_read, n_read + at_once)
            scores[some] = scoring.of(hits[some])
            n_read = min(some.stop, len(hits))
            final = blend.of(before, np.where(np.arange(len(hits)) < n_read, scores, 0.0), n_words=n_words)
            if self._is_settled(final[:n_read], reach[n_read:]):
                break
        return hits[:n_read], scores[:n_read], final[:n_read]

    def _is_settled(self, read: Numbers, reach: Numbers) -> bool:
        """Whether none of the passages left can come among the best `k` of those read."""
        k = self.config.k
        return len(read) >= k and bool(np.all(reach < np.partition(read, -k)[-k]))

    def _readings(self, hits: Sequence[Hit], plan: QueryPlan) -> dict[str, bytes | None] | None:
        """What was read in the passages before, by chunk id; None where the model keeps nothing."""
        if self.reader is None:
            return None
        ids = [hit.chunk.id for hit in hits]
        try:
            return dict(zip(ids, self.collection.readings(ids, plan), strict=True))
        except StoreError:
            # The texts are at hand, and all else can be made of them.
            return dict.fromkeys(ids)


def _told(hit: Hit, score: float) -> dict[str, float]:
    """The score before, and the model's where it judged the passage."""
    return {"before_rerank": hit.score} | ({} if np.isnan(score) else {"rerank": score})


class _Scoring:
    """Scores passages for one question, by what was read in them where that was kept.

    Args:
        model: the reranker.
        reader: the same, where it reads passages apart from questions.
        question: as understood.
        readings: by chunk id; None where the model keeps nothing.
    """

    def __init__(
        self,
        model: Reranker,
        reader: PassageReader | None,
        question: str,
        readings: dict[str, bytes | None] | None,
    ) -> None:
        self.question = question
        self._model = model
        self._reader = reader
        self._readings = readings
        self._n_read = 0

    @property
    def is_read(self) -> bool:
        """Whether there is a reading of every passage."""
        return self._readings is not None and None not in self._readings.values()

    def told(self) -> dict[str, int]:
        """For the trace: how many passages had to be read now."""
        return {} if self._readings is None else {"read": self._n_read}

    def of(self, hits: Sequence[Hit]) -> Numbers:
        """The model's score of each hit.

        Raises:
            ModelError: it is not a number, or they are too few.
        """
        texts = [hit.chunk.search_text for hit in hits]
        if self._readings is None or self._reader is None:
            scores = self._model.score(self.question, texts)
        else:
            kept = [self._readings.get(hit.chunk.id) for hit in hits]
            scores, n = self._reader.score_read(self.question, texts, kept)
            self._n_read += n
        if len(scores) != len(hits) or not np.isfinite(scores).all():
            raise ModelError(
                f"reranker {self._model.name!r} gave {len(scores)} scores for {len(hits)} passages, "
                "or one that is not a number. Check the model's files, or set `on_error: skip` on this node"
            )
        return np.asarray(scores, dtype=np.float64)
