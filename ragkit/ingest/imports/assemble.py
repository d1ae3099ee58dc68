"""Passages → the document they were cut from: by their offsets, else one after the other.

Every passage stays, letter for letter, the text at its span. What lay between passages and is in no index is
written as blanks, so that places keep counting as in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.ingest.imports.check import Taken
from ragkit.types import Span

# Splitters that repeat the end of a passage at the beginning of the next one repeat more than this.
_OVERLAP = 16
_BETWEEN = "\n\n"
_MAX_PAGES = 10_000
# Blanks may be so many times the text that is there, and so many beside: more is a wrong offset.
_GAPS, _GAP = 4, 10_000


class OffsetError(Exception):
    """Places of passages contradict their texts; says which passage."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A document's text with the span of each of its passages, in reading order, and its pages."""

    text: str
    passages: tuple[Taken, ...] = field(kw_only=True)
    spans: tuple[Span, ...] = field(kw_only=True)
    pages: tuple[Span, ...] = field(default=(), kw_only=True)
    has_offsets: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a document, its spans counted from its beginning."""

    text: str
    passages: list[Taken] = field(kw_only=True)
    starts: list[int] = field(kw_only=True)
    has_offsets: bool = field(kw_only=True)


def assembled(
    passages: Sequence[Taken],
    originals: Mapping[str, str],
    *,
    ignore_offsets: bool = False,
) -> Assembled:
    """The document of these passages.

    Args:
        passages: all of one source, in the order of their index.
        originals: whole texts of parts, where they are known.
        ignore_offsets: whether to put passages one after the other though they have offsets.

    Raises:
        OffsetError: offsets contradict the texts.
    """
    by_part: dict[str, list[Taken]] = {}
    for one in passages:
        by_part.setdefault(one.part, []).append(one)
    spans, order, pages = list[Span](), list[Taken](), _Pages()
    parts = [_part(own, originals.get(key), ignore_offsets) for key, own in by_part.items()]
    pieces, length = list[str](), 0
    for part in parts:
        if pieces:
            pieces.append(_BETWEEN)
            length += len(_BETWEEN)
        pages.add(part.passages, Span(length, length + len(part.text)))
        spans += [
            Span(length + start, length + start + len(one.text))
            for one, start in zip(part.passages, part.starts, strict=True)
        ]
        order += part.passages
        pieces.append(part.text)
        length += len(part.text)
    return Assembled(
        "".join(pieces),
        passages=tuple(order),
        spans=tuple(spans),
        pages=pages.spans(),
        # In one that was cut into parts first, places count in the part.
        has_offsets=len(parts) == 1 and parts[0].has_offsets,
    )


class _Pages:
    """Pages, as long as each part is one and they come in order."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._are_known = True

    def add(self, passages: Sequence[Taken], span: Span) -> None:
        numbers = {one.page for one in passages}
        number = numbers.pop() if len(numbers) == 1 else None
        if number is None or not len(self._spans) < number <= _MAX_PAGES:
            self._are_known = False
        if self._are_known and number is not None:
            # Pages without a passage are blank: they are where the next one begins.
            self._spans += [Span(span.start, span.start)] * (number - 1 - len(self._spans))
            self._spans.append(span)

    def spans(self) -> tuple[Span, ...]:
        return tuple(self._spans) if self._are_known else ()


def _part(passages: list[Taken], original: str | None, ignore_offsets: bool) -> _Part:
    if ignore_offsets or any(one.start is None for one in passages):
        return _one_after_the_other(passages)
    ordered = sorted(passages, key=_start)
    if original is not None:
        return _in_original(ordered, original)
    return _by_offsets(ordered)


def _start(one: Taken) -> int:
    assert one.start is not None
    return one.start


def _in_original(passages: list[Taken], original: str) -> _Part:
    for one in passages:
        if original[_start(one) : _start(one) + len(one.text)] != one.text:
            raise OffsetError(f"passage {one.id} is not the text of its document at {_start(one)}")
    return _Part(original, passages=passages, starts=list(map(_start, passages)), has_offsets=True)


def _by_offsets(passages: list[Taken]) -> _Part:
    n_known = sum(len(one.text) for one in passages)
    pieces, length, n_blank = list[str](), 0, 0
    # What was written from `since` on: no later passage begins before the one at hand.
    tail, since = "", 0
    for one in passages:
        start = _start(one)
        if start > length:
            n_blank += start - length
            if n_blank > _GAPS * n_known + _GAP:
                raise OffsetError(
                    f"passage {one.id} begins at {start:,}, and those before it end at {length:,}"
                )
            pieces.append(" " if start - length == 1 else "\n" * (start - length))
            length, tail, since = start, "", start
        tail, since = tail[start - since :], start
        n_shared = min(len(tail), len(one.text))
        if tail[:n_shared] != one.text[:n_shared]:
            raise OffsetError(f"passage {one.id} is not the text that another one has at {start:,}")
        pieces.append(one.text[n_shared:])
        tail += one.text[n_shared:]
        length = since + len(tail)
    return _Part("".join(pieces), passages=passages, starts=list(map(_start, passages)), has_offsets=True)


def _one_after_the_other(passages: list[Taken]) -> _Part:
    pieces, length, starts, before = list[str](), 0, list[int](), ""
    for one in passages:
        shared = overlap(before, one.text)
        if before and not shared:
            pieces.append(_BETWEEN)
            length += len(_BETWEEN)
        starts.append(length - shared)
        pieces.append(one.text[shared:])
        length += len(one.text) - shared
        before = one.text
    return _Part("".join(pieces), passages=passages, starts=starts, has_offsets=False)


def overlap(before: str, text: str) -> int:
    """How many characters at the end of one text are the beginning of the next; 0 for fewer than 16.

    >>> overlap("The warranty is two years long.", "is two years long. Returns take a week.")
    18
    """
    mark = text[:_OVERLAP]
    # A whole passage that comes twice is two passages, not one that overlaps itself.
    at = before.find(mark, 1) if len(mark) == _OVERLAP else -1
    while at >= 0:
        n = len(before) - at
        if n < len(text) and text.startswith(before[at:]):
            return n
        at = before.find(mark, at + 1)
    return 0


def grouped(taken: Iterable[Taken], key: Callable[[Taken], str | None]) -> list[list[Taken]]:
    """The passages of each source together, in the order in which sources first appear.

    A passage without a source stands alone.
    """
    groups: dict[object, list[Taken]] = {}
    for n, one in enumerate(taken):
        source = key(one)
        groups.setdefault(n if source is None else source, []).append(one)
    return list(groups.values())
