"""`compress/extractive`: keeps the sentences that bear on the question, within a budget of tokens."""

from __future__ import annotations

from pydantic import Field

from ragkit.compress.selection import ContextSentence, only, sentences_of, tokens_of
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.relevance import Candidate, judged
from ragkit.types import Context


@stage("compress/extractive")
class ExtractiveCompress(Stage[Context, Context]):
    """Cuts a context down to `budget_tokens` by selecting whole sentences.

    A context that fits is left as it is. Otherwise sentences are taken by relevance to the question, each
    with the one before it where the budget allows (a pronoun needs its noun), until the budget is spent.
    Passages keep their order and their exact spans; one of which nothing is kept disappears. The best
    sentence of all is kept even if it alone exceeds the budget.

    >>> ExtractiveCompress(budget_tokens=600).config.budget_tokens
    600
    """

    class Config(Settings):
        budget_tokens: int = Field(1800, ge=1, description="Tokens (estimated) that the context may have.")
        dense_share: float = Field(
            0.5, ge=0.0, le=1.0, description="Weight of embedding similarity against shared words."
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, context: Context, ctx: RunContext) -> Context:
        sentences = sentences_of(context, self.collection)
        total = tokens_of(sentences)
        if total <= self.config.budget_tokens:
            return context
        scores = judged(
            context.plan,
            [Candidate(s.read, context.passages[s.passage]) for s in sentences],
            self.collection,
            dense_share=self.config.dense_share,
        )
        # Equal scores: the better passage first, then reading order, which is the order of `sentences`.
        order = sorted(range(len(sentences)), key=lambda i: (-scores[i], i))
        chosen = _choose(order, sentences, self.config.budget_tokens)
        ctx.note(tokens_before=total, tokens_after=tokens_of(sentences[i] for i in chosen))
        return only(context, [sentences[i] for i in sorted(chosen)])


def _choose(order: list[int], sentences: list[ContextSentence], budget: int) -> set[int]:
    chosen: set[int] = set()
    left = budget
    for i in order:
        before = i - 1 if i > 0 and sentences[i - 1].passage == sentences[i].passage else i
        for j in (i, before):
            if j not in chosen and (sentences[j].read.n_tokens <= left or not chosen):
                chosen.add(j)
                left -= sentences[j].read.n_tokens
            elif j not in chosen:
                break
        if left <= 0:
            break
    return chosen
