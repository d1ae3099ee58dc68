"""An answer taken apart: the text of each sentence with its markers, and what stands between."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ragkit.types import Answer, Sentence

_MARKER = re.compile(r"\s*\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence as it stands in the text of an answer, and the gap before it; the first one has none."""

    sentence: Sentence
    text: str
    gap: str = " "


def pieces(answer: Answer, before: tuple[Piece, ...] = ()) -> tuple[Piece, ...]:
    """The pieces of an answer. Joined they are its text, where it consists of its sentences.

    The text of some answers does not: that of an abstention, or JSON. Each piece is then its sentence by
    itself.

    Args:
        before: those of a shorter part. What the answer goes on from is not taken apart again.

    >>> from ragkit.types import QueryPlan
    >>> plan, said = QueryPlan.of("?"), (Sentence("Two years."), Sentence("No more."))
    >>> [(p.gap, p.text) for p in pieces(Answer(plan, text="Two years.\\nNo more.", sentences=said))]
    [('', 'Two years.'), ('\\n', 'No more.')]
    """
    # The last one may have been without what follows it.
    found = _goes_on(answer, before[:-1])
    at, text = sum(len(piece.gap) + len(piece.text) for piece in found), answer.text
    for sentence in answer.sentences[len(found) :]:
        start = _visible(text, at)
        end = _end(text, start, sentence)
        if end is None:
            return _apart(answer)
        found.append(Piece(sentence, text[start:end], text[at:start]))
        at = end
    is_all = at == len(text) and not (found and found[0].gap)
    return tuple(found) if is_all else _apart(answer)


def _goes_on(answer: Answer, before: tuple[Piece, ...]) -> list[Piece]:
    """The pieces that an answer begins with, if it begins with all of them."""
    same = tuple(piece.sentence for piece in before) == answer.sentences[: len(before)]
    return list(before) if same and answer.text.startswith(joined(before)) else []


def joined(found: tuple[Piece, ...]) -> str:
    """The text that pieces make."""
    return "".join(piece.text if i == 0 else piece.gap + piece.text for i, piece in enumerate(found))


def _apart(answer: Answer) -> tuple[Piece, ...]:
    if not answer.text:
        return tuple(Piece(sentence, "", "") for sentence in answer.sentences)
    return tuple(
        Piece(sentence, sentence.marked, " " if i else "") for i, sentence in enumerate(answer.sentences)
    )


def _end(text: str, at: int, sentence: Sentence) -> int | None:
    """Where a sentence that begins at `at` ends, its markers included; None where it is not there.

    Its markers may stand anywhere in it, as in the last cell of a row.
    """
    said = sentence.text
    left = {citation.marker for citation in sentence.citations}
    if text.startswith(said, at):
        at += len(said)
    else:
        for char in filter(lambda c: not c.isspace(), said):
            at = _visible(text, at)
            while text[at : at + 1] != char:
                marker = _MARKER.match(text, at)
                if marker is None or int(marker[1]) not in left:
                    return None
                left.discard(int(marker[1]))
                at = _visible(text, marker.end())
            at += 1
    while (marker := _MARKER.match(text, at)) is not None and int(marker[1]) in left:
        left.discard(int(marker[1]))
        at = marker.end()
    return at


def _visible(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
