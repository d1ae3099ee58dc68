"""`compress/extractive`: keeps the sentences that bear on the question, within a budget of tokens."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.relevance import Candidate, judged, kept_sentences
from ragkit.text.spans import merge
from ragkit.types import Context, Passage, ReadSentence, Span


@dataclass(frozen=True, slots=True)
class _Sentence:
    passage: int
    read: ReadSentence


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
        sentences = [
            _Sentence(n, sentence)
            for n, passage in enumerate(context.passages)
            for sentence in kept_sentences(passage, self.collection)
        ]
        total = sum(s.read.n_tokens for s in sentences)
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
        ctx.note(tokens_before=total, tokens_after=sum(sentences[i].read.n_tokens for i in chosen))
        return _cut(context, [sentences[i] for i in sorted(chosen)])


def _choose(order: list[int], sentences: list[_Sentence], budget: int) -> set[int]:
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


def _cut(context: Context, kept: list[_Sentence]) -> Context:
    spans: dict[int, list[Span]] = defaultdict(list)
    for sentence in kept:
        spans[sentence.passage].append(sentence.read.span)
    passages = tuple(
        Passage(passage.hit, tuple(_joined(passage, spans[n])))
        for n, passage in enumerate(context.passages)
        if spans[n]
    )
    return Context(context.plan, passages)


def _joined(passage: Passage, spans: list[Span]) -> list[Span]:
    """Neighbouring sentences as one span: what lies between them is blank."""
    base, text = passage.chunk.span.start, passage.chunk.text
    bridged = [
        Span(a.end, b.start)
        for a, b in pairwise(spans)
        if a.end <= b.start and not text[a.end - base : b.start - base].strip()
    ]
    return merge([*spans, *bridged])
