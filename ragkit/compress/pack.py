"""`compress/pack`: the best passages that fit a budget of tokens, by a real tokenizer, and never more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.models.token_count import Count, counter
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.fence import FRAME_TOKENS, source_of
from ragkit.text.relevance import kept_sentences
from ragkit.text.spans import intersect
from ragkit.text.tokens import word_spans
from ragkit.types import Context, Passage, QueryPlan, Span


@stage("compress/pack")
class Pack(Stage[Context, Context]):
    """Keeps as many passages as `budget_tokens` hold, the best by score first, in the order they stand in.

    Of the first one that does not fit, as many sentences are kept as do, around the one that shares most with
    the question; of the others those that fit as a whole. Where not even one sentence fits, the best passage
    is cut after a word, and where no word fits nothing is kept. The answer is marked as degraded then: it is
    never taken for "nothing found".

    Tokens are counted passage by passage, with the `tokenizer` that is named; without one they are counted
    with the bundled model's and on the safe side (see `ragkit.models.token_count`).

    >>> Pack(budget_tokens=1200).config.budget_tokens
    1200
    """

    class Config(Settings):
        budget_tokens: int = Field(1800, ge=1, description="Tokens that the passages may have together.")
        tokenizer: Path | None = Field(
            None,
            description="tokenizer.json of the chat model, for exact counts; else they are on the safe side.",
        )
        framed: bool = Field(
            False,
            description="Whether what a chat model is shown around each passage counts too, as it does for "
            "`context_tokens` of generate/cited.",
        )

    config: Config
    collection: Collection
    count: Count

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.count = counter(self.config.tokenizer)

    def run(self, context: Context, ctx: RunContext) -> Context:
        passages, left, is_cut, is_torn = context.passages, self.config.budget_tokens, False, False
        kept: dict[int, Passage] = {}
        for n in sorted(range(len(passages)), key=lambda n: (-passages[n].hit.score, n)):
            fitting: Passage | None = passages[n]
            cost = self._cost(passages[n])
            if cost > left:
                fitting = None if is_cut else self._cut(passages[n], context.plan, left, by_words=not kept)
                is_cut = True
                cost = 0 if fitting is None else self._cost(fitting)
                is_torn = fitting is not None and not kept_sentences(fitting, self.collection)
            if fitting is not None:
                kept[n] = fitting
                left -= cost
        if passages and not kept:
            ctx.degrade(f"{ctx.trace.node}: budget_tokens is too small for any passage")
        elif is_torn:
            ctx.degrade(f"{ctx.trace.node}: budget_tokens is too small for a sentence of the best passage")
        ctx.note(
            tokens=self.config.budget_tokens - left, passages=len(kept), left_out=len(passages) - len(kept)
        )
        return Context(context.plan, tuple(kept[n] for n in sorted(kept)))

    def _cost(self, passage: Passage) -> int:
        around = self.count(source_of(passage)) + FRAME_TOKENS if self.config.framed else 0
        return self.count(passage.text) + around

    def _cut(self, passage: Passage, plan: QueryPlan, budget: int, *, by_words: bool) -> Passage | None:
        """What fits of a passage: sentences around the one that shares most with the question, else words."""
        sentences = kept_sentences(passage, self.collection)
        if not sentences:
            return self._words(passage, passage.keep[0].start, budget) if by_words else None
        weights = self.collection.term_weights(sorted(set(self.collection.terms(plan.understood))), plan)
        shared = [sum(w for term, w in weights.items() if term in one.terms) for one in sentences]
        at = max(range(len(sentences)), key=lambda n: (shared[n], -n))

        def part(low: int, high: int) -> Passage:
            return _within(passage, Span(sentences[low].span.start, sentences[high].span.end))

        def fits(low: int, high: int) -> bool:
            return self._cost(part(low, high)) <= budget

        if not fits(at, at):
            return self._words(passage, sentences[at].span.start, budget) if by_words else None
        # Those after it first: what a sentence begins, the next one goes on with.
        after = _most(len(sentences) - 1 - at, lambda n: fits(at, at + n))
        before = _most(at, lambda n: fits(at - n, at + after))
        return part(at - before, at + after)

    def _words(self, passage: Passage, start: int, budget: int) -> Passage | None:
        """The most words from a place on that fit."""
        keep = next(span for span in passage.keep if span.end > start)
        base = passage.chunk.span.start
        words = word_spans(passage.chunk.text[start - base : keep.end - base][: 20 * budget])

        def part(n: int) -> Passage:
            return _within(passage, Span(start, start + words[n - 1].end))

        n = _most(len(words), lambda n: self._cost(part(n)) <= budget)
        return part(n) if n else None


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The most from 0 to `limit` that fit, where 0 do and fewer always do: found without trying far more."""
    low, step = 0, 1
    while low < limit and fits(min(low + step, limit)):
        low, step = min(low + step, limit), 2 * step
    high = min(low + step, limit + 1)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _within(passage: Passage, span: Span) -> Passage:
    kept = (intersect(one, span) for one in passage.keep)
    return replace(passage, keep=tuple(one for one in kept if one is not None))
