"""Cases made by hand: a question, what a pipeline made of it, and the texts of its documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.evaluation.case import Case
from ragkit.evaluation.dataset import Evidence, Question
from ragkit.evaluation.outcome import Found, Outcome, Place, Reply
from ragkit.types import Citation, Sentence, Span

TEXTS = {
    "a": "The warranty lasts two years. It begins on delivery.",
    "b": "Returns are free of charge. Send them to Riga.",
}
WARRANTY, DELIVERY = Span(0, 29), Span(30, 52)


@dataclass(frozen=True)
class Shelf:
    """Documents by id."""

    texts: Mapping[str, str] = field(default_factory=lambda: TEXTS)

    def document(self, document_id: str) -> str | None:
        return self.texts.get(document_id)


def place(document: str = "a", *spans: Span, chunk: str = "") -> Place:
    """A passage; the whole document without spans."""
    kept = spans or (Span(0, len(TEXTS[document])),)
    return Place(chunk or f"chunk of {document}", document, spans=kept)


def ranking(*places: Place, node: str = "fuse") -> Found:
    return Found(node, "fuse/rrf", kind="ranking", places=places)


def context(*places: Place, node: str = "compress") -> Found:
    return Found(node, "compress/extractive", kind="context", places=places)


def arm(node: str, *places: Place) -> Found:
    return Found(node, f"retrieve/{node}", kind="arm", places=places)


def cite(
    document: str = "a", span: Span = WARRANTY, *, quote: str | None = None, support: float = 1.0
) -> Citation:
    """A citation, of the document's text at its place if no other quote is given."""
    text = span.of(TEXTS.get(document, "")) if quote is None else quote
    return Citation(
        1,
        document_id=document,
        start=span.start,
        end=span.end,
        quote=text,
        chunk_id=f"chunk of {document}",
        support=support,
    )


def says(text: str, *citations: Citation) -> Reply:
    """A reply of one sentence."""
    sentence = Sentence(text, citations=citations)
    return Reply(sentence.marked, sentences=(sentence,))


ABSTAINED = Reply("The documents do not answer this question.", abstained=True, reason="no_evidence")


def case(
    *found: Found,
    reply: Reply | None = None,
    answers: Sequence[str] = (),
    evidence: Sequence[Evidence] = (),
    is_answerable: bool | None = None,
    judged: Mapping[str, int] | None = None,
    id_: str = "q1",
) -> Case:
    question = Question(
        id_, "How long?", answers=tuple(answers), evidence=tuple(evidence), is_answerable=is_answerable
    )
    outcome = Outcome(id_, found=found, reply=reply)
    return Case(question, judged=judged or {}, outcome=outcome, texts=Shelf())
