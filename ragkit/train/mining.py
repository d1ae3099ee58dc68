"""Passages that only look like the answer: those that the collection's own retrieval finds beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.text.twins import Twins
from ragkit.train.lessons import Lesson
from ragkit.types import Chunk, Hit

Retrieve = Callable[[str], Sequence[Hit]]

CANDIDATES = 50
_WORD = re.compile(r"\w+")
_ASKED_CHARS = 8_000


@dataclass(frozen=True, slots=True)
class MinedLesson:
    """A lesson with its passages.

    Args:
        lesson: the question.
        relevant: texts that answer it, at least one.
        others: texts that do not, hardest first.
        first: what the first stage found, with its scores.
    """

    lesson: Lesson
    relevant: tuple[str, ...] = field(kw_only=True)
    others: tuple[str, ...] = field(kw_only=True)
    first: Mapping[str, float] = field(default_factory=dict, kw_only=True, repr=False)


def retrieved(lesson: Lesson, retrieve: Retrieve) -> Sequence[Hit]:
    """What the first stage finds for a lesson's question, best first."""
    return retrieve(lesson.question[:_ASKED_CHARS])


def mined(
    lessons: Sequence[Lesson],
    retrieve: Retrieve,
    *,
    passages_of: Callable[[str], Sequence[Chunk]],
    avoid: frozenset[str] = frozenset(),
    avoid_twins: Twins | None = None,
    on_found: Callable[[Sequence[Chunk]], None] = lambda _: None,
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
        avoid_twins: texts of such passages: what says nearly the same is kept out too, as an answer as well.
        on_found: told of the passages that the first stage finds, before they are gone through.
        on_each: called after each lesson.
    """
    hidden = avoid_twins or Twins(())
    for lesson in lessons:
        hits = retrieved(lesson, retrieve)
        found = [hit.chunk for hit in hits]
        on_found(found)
        relevant = lesson.relevant or _best(lesson, found, passages_of)
        relevant = tuple(text for text in relevant if not hidden.hold(text))
        others = tuple(_others(lesson, found, relevant, avoid, hidden))
        on_each()
        if relevant and others:
            first = {hit.chunk.search_text: hit.score for hit in reversed(hits)}
            yield MinedLesson(lesson, relevant=relevant, others=others, first=first)


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
    lesson: Lesson,
    found: Sequence[Chunk],
    relevant: Sequence[str],
    avoid: frozenset[str],
    avoid_twins: Twins,
) -> Iterator[str]:
    documents = frozenset(lesson.documents)
    answers = [_plain(answer) for answer in lesson.answers if _WORD.search(answer)]
    known = Twins(relevant)
    for chunk in found:
        if chunk.document_id in documents or chunk.document_id in avoid:
            continue
        text = chunk.search_text
        if any(answer in _plain(text) for answer in answers):
            continue
        if known.hold(text) or avoid_twins.hold(text):
            continue
        yield text


def _plain(text: str) -> str:
    """The words of a text, each between blanks: what is found in it stands at word bounds."""
    return f" {' '.join(_WORD.findall(text.lower()))} "
