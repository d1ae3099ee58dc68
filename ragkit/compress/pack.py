"""`compress/pack`: the best passages that fit a budget of tokens, by a real tokenizer, and never more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.models.token_count import Count, counter
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.fence import FRAME_TOKENS, source_of
from ragkit.text.relevance import kept_sentences
from ragkit.text.tokens import word_spans
from ragkit.types import Context, Passage, Span


@stage("compress/pack")
class Pack(Stage[Context, Context]):
    """Keeps as many passages as `budget_tokens` hold, the best by score first, in the order they stand in.

    The first one that does not fit is cut after the last of its sentences that does; of the others those are
    kept that fit as a whole. Where not even one sentence fits, the best passage is cut after a word. Where no
    word fits, nothing is kept and the answer is marked as degraded: it is never taken for "nothing found".

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
        passages, left, is_cut = context.passages, self.config.budget_tokens, False
        kept: dict[int, Passage] = {}
        for n in sorted(range(len(passages)), key=lambda n: (-passages[n].hit.score, n)):
            fitting: Passage | None = passages[n]
            cost = self._cost(passages[n])
            if cost > left:
                fitting = None if is_cut else self._cut(passages[n], left, by_words=not kept)
                is_cut = True
                cost = 0 if fitting is None else self._cost(fitting)
            if fitting is not None:
                kept[n] = fitting
                left -= cost
        if passages and not kept:
            ctx.degrade(f"{ctx.trace.node}: budget_tokens is too small for any passage")
        ctx.note(
            tokens=self.config.budget_tokens - left, passages=len(kept), left_out=len(passages) - len(kept)
        )
        return Context(context.plan, tuple(kept[n] for n in sorted(kept)))

    def _cost(self, passage: Passage) -> int:
        around = self.count(source_of(passage)) + FRAME_TOKENS if self.config.framed else 0
        return self.count(passage.text) + around

    def _cut(self, passage: Passage, budget: int, *, by_words: bool) -> Passage | None:
        """The longest beginning of a passage that fits and ends with a sentence, else with a word."""
        ends = [sentence.span.end for sentence in kept_sentences(passage, self.collection)]
        found = self._longest(passage, ends, budget)
        if found is None and by_words:
            # The words of what could fit: a character that is many tokens is rare, many that are one are not.
            base, first = passage.chunk.span.start, passage.keep[0]
            words = word_spans(first.shift(-base).of(passage.chunk.text)[: 20 * budget])
            found = self._longest(passage, [first.start + word.end for word in words], budget)
        return found

    def _longest(self, passage: Passage, ends: Sequence[int], budget: int) -> Passage | None:
        low, high = 0, len(ends)
        while low < high:
            middle = (low + high + 1) // 2
            if self._cost(_until(passage, ends[middle - 1])) <= budget:
                low = middle
            else:
                high = middle - 1
        return _until(passage, ends[low - 1]) if low else None


def _until(passage: Passage, end: int) -> Passage:
    keep = tuple(Span(span.start, min(span.end, end)) for span in passage.keep if span.start < end)
    return replace(passage, keep=keep)
