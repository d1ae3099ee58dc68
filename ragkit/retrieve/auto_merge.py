"""`retrieve/auto-merge`: hits become their parent where they are most of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pydantic import Field

from ragkit.graph.stage import stage
from ragkit.retrieve.outline import Outline
from ragkit.retrieve.parent import Parents
from ragkit.text.spans import merge
from ragkit.types import Span


@stage("retrieve/auto-merge")
class AutoMergeRetrieve(Parents):
    """Replaces hits by their parent where they hold at least `share` of its text; others stay as they are.

    Parents are those of `retrieve/parent`, looked at from the smallest section to the largest one of at most
    `tokens` tokens: one that was merged counts as wholly found when the one around it is looked at. A share
    of the text is what a share of the chunks would be if all were of one length.

    >>> AutoMergeRetrieve(share=0.4).config.tokens
    800
    """

    class Config(Parents.Config):
        share: float = Field(
            0.5, gt=0.0, le=1.0, description="Share of a parent's text that must be among the hits."
        )

    config: Config

    def widened(self, outline: Outline, spans: Sequence[Span]) -> list[Span]:
        """The largest parents that were merged."""
        own = {span: outline.parents(span) for span in spans}
        parents = sorted({one for some in own.values() for one in some}, key=lambda s: (len(s), s))
        found, merged = merge(spans), set[Span]()
        for parent in parents:
            first = bisect_right(found, parent.start, key=lambda span: span.end)
            last = bisect_left(found, parent.end, key=lambda span: span.start)
            inside = found[first:last]
            held = sum(min(one.end, parent.end) - max(one.start, parent.start) for one in inside)
            if len(parent) and held >= self.config.share * len(parent):
                merged.add(parent)
                found[first:last] = merge([*inside, parent])
        return [next((one for one in reversed(own[span]) if one in merged), span) for span in spans]
