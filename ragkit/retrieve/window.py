"""`retrieve/window`: each hit with the sentences around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Self

from pydantic import Field, model_validator

from ragkit.graph.stage import stage
from ragkit.retrieve.growth import Growth
from ragkit.retrieve.outline import Outline
from ragkit.text.sentences import sentence_spans
from ragkit.text.tokens import count_tokens
from ragkit.types import Span

# How far is looked for sentences: a longer one is taken for something else, such as data.
_SENTENCE_CHARS, _TOKEN_CHARS, _LEAST_CHARS, _FURTHER = 600, 8, 2_000, 4


@stage("retrieve/window")
class WindowRetrieve(Growth):
    """Gives each hit the sentences before and after it, up to the headings around it.

    Small chunks are found more precisely than large ones, and say too little by themselves. Windows that
    overlap, or have nothing but blanks between them, become one passage.

    Tokens are those of ragkit's own counting. In code and tables, lines and rows count as sentences.

    >>> WindowRetrieve(sentences=2).config.sentences
    2
    """

    class Config(Growth.Config):
        sentences: int | None = Field(
            3,
            ge=0,
            le=1_000,
            description="Sentences on each side at most; null for as many as `tokens` allow.",
        )
        tokens: int | None = Field(
            None, ge=0, le=100_000, description="Tokens on each side at most; null for no such limit."
        )

        @model_validator(mode="after")
        def _has_a_limit(self) -> Self:
            if self.sentences is None and self.tokens is None:
                raise ValueError("set `sentences` or `tokens`, or the window has no end")
            return self

    config: Config

    def widened(self, outline: Outline, spans: Sequence[Span]) -> list[Span]:
        """The windows."""
        return [self._window(outline.document.text, span, outline.part(span)) for span in spans]

    def meet(self, outline: Outline, first: Span, second: Span) -> bool:
        """They do where nothing but blanks lies between them, and no heading."""
        if second.start < first.end:
            return True
        is_blank = not outline.document.text[first.end : second.start].strip()
        return is_blank and outline.part(first).end > second.start

    def _window(self, text: str, span: Span, part: Span) -> Span:
        before = self._beside(text, Span(part.start, span.start), is_before=True)
        after = self._beside(text, Span(span.end, part.end), is_before=False)
        taken = [*before, span, *after]
        return Span(min(one.start for one in taken), max(one.end for one in taken))

    def _beside(self, text: str, room: Span, *, is_before: bool) -> list[Span]:
        """The sentences that are taken of what lies on one side of a hit, the nearest first."""
        reach, furthest = _LEAST_CHARS, self._reach()
        while True:
            if is_before:
                near = Span(max(room.start, room.end - reach), room.end)
            else:
                near = Span(room.start, min(room.end, room.start + reach))
            whole = [one.shift(near.start) for one in sentence_spans(near.of(text))]
            # What was cut by looking no further is not a whole sentence.
            if is_before:
                whole = whole[near.start > room.start :][::-1]
            else:
                whole = whole[: len(whole) - (near.end < room.end)]
            taken = self._fitting(text, whole)
            is_full = len(taken) < len(whole) or len(taken) == self.config.sentences
            if is_full or near == room or reach >= furthest:
                return taken
            reach = min(_FURTHER * reach, furthest)

    def _fitting(self, text: str, sentences: Iterable[Span]) -> list[Span]:
        fitting: list[Span] = []
        left = self.config.tokens
        for sentence in islice(sentences, self.config.sentences):
            if left is not None:
                left -= count_tokens(sentence.of(text))
                if left < 0:
                    break
            fitting.append(sentence)
        return fitting

    def _reach(self) -> int:
        limits = (
            None if self.config.sentences is None else self.config.sentences * _SENTENCE_CHARS,
            None if self.config.tokens is None else self.config.tokens * _TOKEN_CHARS,
        )
        return max(_LEAST_CHARS, min(limit for limit in limits if limit is not None))
