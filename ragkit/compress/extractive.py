"""`compress/extractive`: keeps the sentences that bear on the question, within a budget of tokens."""

from __future__ import annotations

from pydantic import Field, model_validator

from ragkit.compress.scoring import ScoredBy, scored
from ragkit.compress.selection import only, sentences_of, tokens_of, within
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Reranker, Resources
from ragkit.settings import RerankerRef, Settings
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.types import Context


@stage("compress/extractive")
class ExtractiveCompress(Stage[Context, Context]):
    """Cuts a context down to `budget_tokens` by selecting whole sentences.

    A context that fits is left as it is. Otherwise sentences are taken in the order of their scores, see
    `ragkit.compress.scoring`, until the budget is spent. Passages keep their order and their exact spans; one
    of which nothing is kept disappears. The best sentence of all is kept even if it alone exceeds the budget.

    Scores are by words alone, which takes a few milliseconds, or by a model too: `embed` counts how near a
    sentence lies to the question, `rerank` what a reranker says of it. For a question in a language that the
    model does not know, words alone count.

    >>> ExtractiveCompress(budget_tokens=600).config.budget_tokens
    600
    """

    class Config(Settings):
        budget_tokens: int = Field(1800, ge=1, description="Tokens (estimated) that the context may have.")
        score: ScoredBy = Field(
            "words",
            description="What decides: words, or besides the embedder (embed) or a reranker (rerank).",
        )
        model: RerankerRef = Field(
            None, description="Name of a reranker under `models:`, for `score: rerank`."
        )

        @model_validator(mode="after")
        def _has_its_model(self) -> ExtractiveCompress.Config:
            if (self.score == "rerank") != (self.model is not None):
                raise ValueError(
                    "`score: rerank` and `model` go together: name a reranker of `models:`, or leave both out"
                )
            return self

    config: Config
    collection: Collection
    model: Reranker | None

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.model = None if self.config.model is None else resources.reranker(self.config.model)

    def run(self, context: Context, ctx: RunContext) -> Context:
        sentences = sentences_of(context, self.collection)
        total = tokens_of(sentences)
        if total <= self.config.budget_tokens:
            return context
        by = self._scored_by(context.plan.understood)
        scores = scored(context, sentences, self.collection, by=by, model=self.model)
        # Equal scores: the better passage first, then reading order, which is the order of `sentences`.
        order = sorted(range(len(sentences)), key=lambda i: (-scores[i], i))
        kept = within(self.config.budget_tokens, (sentences[i] for i in order))
        ctx.note(score=by, tokens_before=total, tokens_after=tokens_of(kept))
        return only(context, kept)

    def _scored_by(self, question: str) -> ScoredBy:
        by = self.config.score
        if by == "embed":
            return by if self.collection.knows(question) else "words"
        if self.model is not None and self.model.languages:
            return by if detect_language(question) in {*self.model.languages, UNDETERMINED} else "words"
        return by
