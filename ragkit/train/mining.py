"""Passages that only look like the answer: those that the collection's own retrieval finds beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ragkit.train.lessons import Lesson
from ragkit.types import Chunk, Hit

Retrieve = Callable[[str], Sequence[Hit]]

CANDIDATES = 50
_WORD = re.compile(r"\w+")
_SHINGLE = 5  # words in a row
_TWIN_SHARE = 0.5
_SHORT_ANSWER = 4  # characters: shorter ones stand anywhere
_ASKED_CHARS = 8_000


@dataclass(frozen=True, slots=True)
class MinedLesson:
    """A lesson with its passages.

    Args:
        lesson: the question.
        relevant: texts that answer it, at least one.
        others: texts that do not, hardest first.
    """

    lesson: Lesson
    relevant: tuple[str, ...] = field(kw_only=True)
    others: tuple[str, ...] = field(kw_only=True)


def retrieved(lesson: Lesson, retrieve: Retrieve) -> Sequence[Hit]:
    """What the first stage finds for a lesson's question, best first."""
    return retrieve(lesson.question[:_ASKED_CHARS])


def mined(
    lessons: Sequence[Lesson],
    retrieve: Retrieve,
    *,
    passages_of: Callable[[str], Sequence[Chunk]],
    avoid: frozenset[str] = frozenset(),
    on_each: Callable[[], None] = lambda: None,
) -> Iterator[MinedLesson]:
    """Each lesson with hard negatives; one for which nothing else is found is left out.

    No negative is of a document that answers the question, holds one of the answers, or says nearly the
    same as a relevant passage.

    Args:
        lessons: the questions.
        retrieve: the first stage.
        passages_of: the passages of a document: where any of them may be the answer, the best ranked one
            counts as relevant, or all of a document that was not found.
        avoid: documents whose passages are kept out, because they measure the result.
        on_each: called after each lesson.
    """
    for lesson in lessons:
        found = [hit.chunk for hit in retrieved(lesson, retrieve)]
        relevant = lesson.relevant or _best(lesson, found, passages_of)
        others = tuple(_others(lesson, found, relevant, avoid))
        on_each()
        if relevant and others:
            yield MinedLesson(lesson, relevant=relevant, others=others)


def _best(
    lesson: Lesson, found: Sequence[Chunk], passages_of: Callable[[str], Sequence[Chunk]]
) -> tuple[str, ...]:
    best: list[str] = []
    for document in lesson.documents:
        ranked = [chunk for chunk in found if chunk.document_id == document]
        own = ranked[:1] or passages_of(document)
        best += [chunk.search_text for chunk in own]
    return tuple(dict.fromkeys(best))


def _others(
    lesson: Lesson, found: Sequence[Chunk], relevant: Sequence[str], avoid: frozenset[str]
) -> Iterator[str]:
    documents = frozenset(lesson.documents)
    answers = [_plain(answer) for answer in lesson.answers if len(answer) >= _SHORT_ANSWER]
    known = [_shingles(text) for text in relevant]
    for chunk in found:
        if chunk.document_id in documents or chunk.document_id in avoid:
            continue
        text = chunk.search_text
        if any(answer in _plain(text) for answer in answers):
            continue
        if any(_is_twin(_shingles(text), other) for other in known):
            continue
        yield text


def _is_twin(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether the two share half of the word sequences of the shorter one."""
    smaller = min(len(first), len(second))
    return smaller > 0 and len(first & second) >= _TWIN_SHARE * smaller


def _shingles(text: str) -> frozenset[str]:
    words = _WORD.findall(text.lower())
    return frozenset(" ".join(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1))


def _plain(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.lower()))} "
