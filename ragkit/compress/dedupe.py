"""`compress/dedupe`: drops passages that say again what an earlier one says."""

from __future__ import annotations

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.settings import Settings
from ragkit.text.tokens import word_spans
from ragkit.types import Context, Passage


@stage("compress/dedupe")
class Dedupe(Stage[Context, Context]):
    """Drops a passage most of whose word triples already stand in a single earlier passage.

    Overlapping chunks of one document and near-identical versions of a page are what it catches. The
    earlier, higher ranked passage stays. Containment of word shingles is Broder's ("On the resemblance and
    containment of documents", 1997), with shingles of three words.

    >>> Dedupe(threshold=0.8).config.threshold
    0.8
    """

    class Config(Settings):
        threshold: float = Field(
            0.85, gt=0.0, le=1.0, description="Share of word triples found before, from which one is dropped."
        )

    config: Config

    def run(self, context: Context, ctx: RunContext) -> Context:
        kept: list[tuple[Passage, frozenset[tuple[str, ...]]]] = []
        dropped: list[str] = []
        for passage in context.passages:
            shingles = _shingles(passage.text)
            share = max((len(shingles & seen) / len(shingles) for _, seen in kept), default=0.0)
            if share >= self.config.threshold:
                dropped.append(passage.chunk.id)
            else:
                kept.append((passage, shingles))
        if dropped:
            ctx.note(dropped=dropped)
        return Context(context.plan, tuple(passage for passage, _ in kept))


def _shingles(text: str, size: int = 3) -> frozenset[tuple[str, ...]]:
    words = [span.of(text).lower() for span in word_spans(text)]
    if len(words) < size:
        return frozenset([tuple(words)])
    return frozenset(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
