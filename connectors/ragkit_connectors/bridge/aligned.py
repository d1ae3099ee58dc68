"""Where the pieces of a text lie in it, found again from the pieces alone: exact spans, or an error.

A splitter of another library gives texts, not places; it trims them, drops separators between them and lets
them overlap. Blanks aside, each piece must stand in the text as it is, in order, and together they must leave
out nothing but separators: what was rewritten or lost is refused, for a citation of it would point nowhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.errors import DocumentError
from ragkit.types import Span

# Places that are tried before a text is given up that repeats itself.
_MAX_TRIES = 100_000
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Told:
    """A piece whose splitter says where it starts; that is a hint, and counts where its text stands there."""

    text: str
    start: int | None


Piece = str | Told


@dataclass(frozen=True, slots=True)
class _Squeezed:
    """A text without blanks and what cannot be seen, and where in the whole each character stands."""

    text: str
    at: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> _Squeezed:
        at = tuple(i for i, c in enumerate(text) if not c.isspace() and c.isprintable())
        return cls("".join([text[i] for i in at]), at)


def spans_of(pieces: Sequence[Piece], text: str, *, max_gap: int) -> list[Span]:
    """The span of each piece that has something visible, in order; together they cover all that is visible.

    What a splitter drops between two pieces, a separator or a heading, is added to the piece after it.

    Args:
        pieces: in reading order; they may overlap, and differ from the text in blanks.
        text: what they were cut from.
        max_gap: visible characters that may be left out between two of them, or at the ends.

    Raises:
        DocumentError: a piece does not stand in the text, or more than `max_gap` of it is left out.

    >>> spans_of(["One two.", "Three."], "One  two. | Three.", max_gap=5)
    [Span(start=0, end=9), Span(start=10, end=18)]
    """
    whole = _Squeezed.of(text)
    told = [piece if isinstance(piece, Told) else Told(piece, None) for piece in pieces]
    seen = [(_Squeezed.of(piece.text).text, piece.start) for piece in told]
    wanted = [squeezed for squeezed, _ in seen if squeezed]
    hints = [None if start is None else bisect_left(whole.at, start) for squeezed, start in seen if squeezed]
    starts = _starts(wanted, hints, whole.text, max_gap)
    spans, before = [], 0
    for start, piece in zip(starts, wanted, strict=True):
        end = start + len(piece)
        # From where the one before it ends, if that lies before: no visible character is between chunks.
        first = whole.at[start] if start <= before else whole.at[before]
        spans.append(Span(first, whole.at[end - 1] + 1))
        before = max(before, end)
    # A piece that overlaps with the whole of the one before it takes its place.
    spans = list({span.start: span for span in sorted(spans)}.values())
    if spans and before < len(whole.text):
        spans[-1] = Span(spans[-1].start, whole.at[-1] + 1)
    return spans


def _starts(wanted: Sequence[str], hints: Sequence[int | None], text: str, max_gap: int) -> list[int]:
    """Where each piece starts, all of them together without a greater gap: the first way that fits.

    Each after the start of the one before it; where that cannot be, two may start together.
    """
    if not wanted:
        _check_gap(0, len(text), text, max_gap)
        return []
    farthest = 0
    for step in (1, 0):
        starts, n = _searched(wanted, hints, text, max_gap, step)
        if starts:
            return starts
        farthest = max(farthest, n)
    raise _misfit(wanted, farthest, text)


def _searched(
    wanted: Sequence[str], hints: Sequence[int | None], text: str, max_gap: int, step: int
) -> tuple[list[int], int]:
    """Where each piece starts, at least `step` after the one before it; none where no way fits.

    Returns:
        The starts, and how many pieces could be placed at most.
    """
    # One iterator of candidates for each piece that is placed, so that a wrong turn is taken back.
    ways: list[Iterator[int]] = [_places(wanted[0], hints[0], text, 0, 0, 0, max_gap)]
    starts: list[int] = []
    ends: list[int] = [0]
    farthest, tries = 0, 0
    while ways:
        tries += 1
        if tries > _MAX_TRIES:
            break
        start = next(ways[-1], None)
        if start is None:
            ways.pop()
            if starts:
                starts.pop()
                ends.pop()
            continue
        end = max(ends[-1], start + len(wanted[len(starts)]))
        if len(starts) + 1 == len(wanted):
            if len(text) - end <= max_gap:
                return [*starts, start], len(wanted)
            continue
        starts.append(start)
        ends.append(end)
        farthest = max(farthest, len(starts))
        n = len(starts)
        ways.append(_places(wanted[n], hints[n], text, start, start + step, end, max_gap))
    return [], farthest


def _places(
    piece: str, hint: int | None, text: str, before: int, first: int, end: int, max_gap: int
) -> Iterator[int]:
    """Where a piece may start, from `first` on, if the one before starts at `before` and all reach to `end`.

    Where it says first, be that where the one before it starts; then nearest to `end`: without overlap or
    gap, then with overlap, then behind a gap.
    """
    if hint is not None and before <= hint <= end + max_gap and text.startswith(piece, hint):
        yield hint
    at = text.rfind(piece, first, end + len(piece))
    while at != -1:
        yield at
        at = text.rfind(piece, first, at + len(piece) - 1)
    at = text.find(piece, end + 1, end + max_gap + len(piece))
    while at != -1:
        yield at
        at = text.find(piece, at + 1, end + max_gap + len(piece))


def _check_gap(start: int, end: int, text: str, max_gap: int) -> None:
    if end - start > max_gap:
        raise DocumentError(
            f"the splitter leaves out {end - start} visible characters from "
            f"{text[start : start + _SHOWN]!r} on. Let it keep separators and headings, or raise max_gap",
            stage="chunk",
        )


def _misfit(wanted: Sequence[str], n: int, text: str) -> DocumentError:
    piece = wanted[n]
    at = text.find(piece)
    if at != -1:
        return DocumentError(
            f"chunk {n + 1} of {len(wanted)} of the splitter, {piece[:_SHOWN]!r}, does not follow on the one "
            "before it: text between them is left out. Let it keep separators and headings, or raise max_gap",
            stage="chunk",
        )
    return DocumentError(
        f"chunk {n + 1} of {len(wanted)} of the splitter, {piece[:_SHOWN]!r} without its blanks, does not "
        "stand in the document: the splitter rewrites text, and a citation of it would point nowhere. Use "
        "one that only cuts, or chunk/recursive",
        stage="chunk",
    )
