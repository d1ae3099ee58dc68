"""`retrieve/parent`: each hit becomes the section that it is a part of."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ragkit.graph.stage import stage
from ragkit.retrieve.growth import Growth
from ragkit.retrieve.outline import Outline
from ragkit.types import Document, Span


class Parents(Growth):
    """What the stages share that make sections of hits."""

    class Config(Growth.Config):
        tokens: int = Field(800, ge=16, le=100_000, description="Tokens (estimated) that a parent may have.")

    config: Config

    def outline(self, document: Document) -> Outline:
        """With sections of no more than `tokens`."""
        return Outline(document, tokens=self.config.tokens)


@stage("retrieve/parent")
class ParentRetrieve(Parents):
    """Replaces hits by their parents; hits with the same parent become one passage.

    A hit's parent is the largest section around it that has at most `tokens` tokens (the document itself
    where it is that short), by the headings that ingestion recorded. Where even the smallest section is
    longer, it is one of the pieces that this is divided into, at headings, blocks and sentences.

    >>> ParentRetrieve(tokens=500).config.score
    'best'
    """

    def widened(self, outline: Outline, spans: Sequence[Span]) -> list[Span]:
        """The parents."""
        return [outline.parents(span)[-1] for span in spans]
