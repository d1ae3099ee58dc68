"""A question of a training, tied to the passages of the collection that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit.errors import ConfigError, EvalError, did_you_mean
from ragkit.evaluation.rows import Problems
from ragkit.train.passages import Passages
from ragkit.train.questions import AskedQuestion, Place
from ragkit.types import Chunk, Span

GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one question teaches.

    Args:
        id: unique within the training.
        question: as it is asked.
        kind: `given`, or how it was generated.
        documents: that answer it; their other passages are never held against the question.
        gold: ids of the passages that answer it; empty where any passage of `documents` counts as an answer.
        relevant: the texts of these passages, without what a generated question was taken from.
        answers: texts that make any passage an answer.

    >>> Lesson("q1", "How long?", kind="given", documents=("a.md",)).unit_of_document
    True
    """

    id: str
    question: str
    kind: str = field(kw_only=True)
    documents: tuple[str, ...] = field(kw_only=True)
    gold: tuple[str, ...] = field(default=(), kw_only=True)
    relevant: tuple[str, ...] = field(default=(), kw_only=True)
    answers: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def unit_of_document(self) -> bool:
        """Whether documents are judged rather than passages."""
        return not self.gold

    def unit(self, chunk: Chunk) -> str:
        """What a passage counts as when this question's ranking is judged."""
        return chunk.document_id if self.unit_of_document else chunk.id

    @property
    def judgements(self) -> dict[str, int]:
        """The units that answer it, each with grade 1."""
        return dict.fromkeys(self.gold or self.documents, 1)


def lessons_of(asked: Sequence[AskedQuestion], passages: Passages) -> list[Lesson]:
    """The questions of a file as lessons.

    A question whose places all have a quote or a range is judged by passages, any other by documents.

    Raises:
        EvalError: a document is not in the index, or does not hold the quote: all mistakes, by file and line.
    """
    problems, lessons = Problems(), []
    for question in asked:
        with problems.gathered():
            lessons.append(_lesson(question, passages))
    problems.settle()
    if not lessons:
        raise ConfigError(
            "there is no question: give --questions FILE, or leave it out to have them generated"
        )
    return lessons


def _lesson(question: AskedQuestion, passages: Passages) -> Lesson:
    documents, gold = list[str](), list[Chunk]()
    is_exact = True
    for place in question.places:
        document = passages.document_id(place.document_id)
        if document is None:
            raise EvalError(
                f"{question.where}: document {place.document_id!r} is not in the index."
                f"{did_you_mean(place.document_id, passages.documents)} Ids are those that "
                "ragkit retrieve --json shows as document_id"
            )
        documents.append(document)
        chunk = _holding(place, document, passages, question.where)
        if chunk is None:
            is_exact = False
        else:
            gold.append(chunk)
    quotes = tuple(place.quote for place in question.places if place.quote)
    return Lesson(
        question.id,
        question.text,
        kind=GIVEN,
        documents=tuple(dict.fromkeys(documents)),
        gold=tuple(dict.fromkeys(chunk.id for chunk in gold)) if is_exact else (),
        relevant=tuple(dict.fromkeys(chunk.search_text for chunk in gold)),
        answers=(*quotes, *question.answers),
    )


def _holding(place: Place, document: str, passages: Passages, where: str) -> Chunk | None:
    span = _span(place, document, passages, where)
    if span is None:
        return None
    chunk = passages.at(document, span)
    if chunk is None:
        raise EvalError(
            f"{where}: characters {span.start} to {span.end} of {document!r} are in none of its passages. "
            "Positions count in the canonical text, as ragkit source prints it"
        )
    return chunk


def _span(place: Place, document: str, passages: Passages, where: str) -> Span | None:
    if place.start is not None and place.end is not None:
        return Span(place.start, place.end)
    if place.quote is None:
        return None
    text = passages.source(document).text
    start = text.find(place.quote)
    if start >= 0:
        return Span(start, start + len(place.quote))
    span = _find_words(text, place.quote.split())
    if span is None:
        raise EvalError(
            f"{where}: document {document!r} does not hold the quote {place.quote[:60]!r}. Quotes are of the "
            "canonical text, as ragkit source prints it"
        )
    return span


def _find_words(text: str, words: Sequence[str]) -> Span | None:
    """Where the words stand one after the other, whatever blanks are between them."""
    at = text.find(words[0])
    while at >= 0:
        end = at
        for word in words:
            while end < len(text) and text[end].isspace():
                end += 1
            if not text.startswith(word, end):
                break
            end += len(word)
        else:
            return Span(at, end)
        at = text.find(words[0], at + 1)
    return None
