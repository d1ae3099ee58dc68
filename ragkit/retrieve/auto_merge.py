"""`retrieve/auto-merge`: hits become their parent where they are most of it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ragkit.graph.stage import stage
from ragkit.retrieve.outline import Outline
from ragkit.retrieve.parent import Parents
from ragkit.text.spans import contains, covered, intersect
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
        parents = sorted({one for span in spans for one in outline.parents(span)}, key=lambda s: (len(s), s))
        found, merged = list(spans), list[Span]()
        for parent in parents:
            inside = [both for span in found if (both := intersect(span, parent)) is not None]
            if len(parent) and covered(inside) >= self.config.share * len(parent):
                merged.append(parent)
                found.append(parent)
        return [
            max((parent for parent in merged if contains(parent, span)), key=len, default=span)
            for span in spans
        ]
