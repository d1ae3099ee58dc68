"""A short answer stands or falls with the citation that it lies in."""

from __future__ import annotations

from dataclasses import replace

from ragkit.types import Answer, Citation, Sentence
from ragkit.verify.citations import VerifyCitations
from tests.unit.making import chunk, context, run_context

PAGE = chunk("a", "The warranty lasts two years. Lunch is at noon.", document_id="warranty")
WHOLE = Citation(
    1,
    document_id="warranty",
    start=0,
    end=29,
    quote="The warranty lasts two years.",
    chunk_id=PAGE.id,
    support=1.0,
)
NOON = replace(WHOLE, start=30, end=47, quote="Lunch is at noon.")
SHORT = replace(WHOLE, start=19, end=28, quote="two years")


def verified(*cited: Citation, policy: str = "drop") -> Answer:
    sentences = tuple(Sentence(c.quote, citations=(c,)) for c in cited)
    answer = Answer(
        context("How long?", PAGE).plan,
        text=" ".join(s.marked for s in sentences),
        sentences=sentences,
        context=context("How long?", PAGE),
        short=SHORT,
    )
    return VerifyCitations(on_unsupported=policy).run(answer, run_context())


def test_it_stays_with_the_citation_around_it() -> None:
    assert verified(WHOLE, NOON).short == SHORT


def test_it_goes_with_the_sentence_that_does_not_hold() -> None:
    wrong = replace(WHOLE, quote="The warranty lasts ten years.")
    assert (verified(wrong, NOON).short, verified(wrong, NOON).abstained) == (None, False)
    assert (verified(wrong).short, verified(wrong).abstained) == (None, True)
