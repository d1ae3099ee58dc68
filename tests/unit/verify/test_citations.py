"""What verification lets through, and what it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.types import Answer, Citation, Context, Sentence
from ragkit.verify.citations import VerifyCitations, numbers
from tests.unit.making import chunk, context, run_context

TEXT = "The warranty lasts 24 months. It does not cover water damage."
CONTEXT = context("How long is the warranty?", chunk("a", TEXT, start=100))


def cite(first: int, last: int, **changes: object) -> Citation:
    given = Citation(
        1,
        document_id="doc",
        start=100 + first,
        end=100 + last,
        quote=TEXT[first:last],
        chunk_id="a" * 32,
        support=0.9,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def answer(*sentences: Sentence, within: Context = CONTEXT) -> Answer:
    text = " ".join(s.marked for s in sentences)
    return Answer(within.plan, text=text, sentences=sentences, context=within)


GOOD = Sentence("The warranty lasts 24 months.", citations=(cite(0, 29),))


def test_a_true_citation_passes_unchanged() -> None:
    given = answer(GOOD)
    assert VerifyCitations().run(given, run_context()) == given


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (cite(0, 29, quote="The warranty lasts 36 months."), "not the text of the document"),
        (cite(0, 29, chunk_id="b" * 32), "not retrieved"),
        (cite(0, 29, document_id="other"), "is from 'doc'"),
        (cite(0, 29, start=0, end=29), "outside of the passage"),
        (cite(0, 29, end=100 + 29 + 500), "outside of the passage"),
        (cite(0, 29, start=129, end=129, quote=""), "outside of the passage"),
        (cite(0, 29, support=0.1), "support 0.10 is below 0.50"),
    ],
)
def test_a_false_citation_drops_its_sentence(bad: Citation, problem: str) -> None:
    ctx = run_context()
    verify = VerifyCitations(min_support=0.5)
    verified = verify.run(answer(GOOD, Sentence("The warranty lasts.", citations=(bad,))), ctx)
    assert verified.text == GOOD.marked
    assert [s.text for s in verified.dropped] == ["The warranty lasts."]
    assert problem in str(ctx.trace.facts["refused"])


def test_a_number_that_no_quote_states_drops_the_sentence() -> None:
    changed = Sentence("The warranty lasts 36 months.", citations=(cite(0, 29),))
    verified = VerifyCitations().run(answer(GOOD, changed), run_context())
    assert verified.sentences == (GOOD,)


def test_an_uncited_sentence_is_dropped() -> None:
    verified = VerifyCitations().run(answer(GOOD, Sentence("Everyone knows it.")), run_context())
    assert verified.sentences == (GOOD,)


def test_flag_keeps_the_sentence_without_its_citation() -> None:
    flagged = VerifyCitations(on_unsupported="flag").run(
        answer(GOOD, Sentence("Everyone knows it.", citations=(cite(0, 29, quote="x"),))), run_context()
    )
    assert [s.text for s in flagged.sentences] == [GOOD.text, "Everyone knows it."]
    assert flagged.sentences[1].citations == ()
    assert flagged.text == f"{GOOD.marked} Everyone knows it."


def test_nothing_left_is_an_abstention_that_says_so() -> None:
    verified = VerifyCitations().run(answer(Sentence("Everyone knows it.")), run_context())
    assert (verified.abstained, verified.reason, verified.sentences) == (True, "unsupported", ())
    assert "do not bear it out" in verified.text


def test_abstain_policy_refuses_the_whole_answer() -> None:
    strict = VerifyCitations(on_unsupported="abstain")
    assert strict.run(answer(GOOD, Sentence("More.")), run_context()).abstained


def test_numbers_are_read_as_written() -> None:
    assert numbers("12 % of 1,5 million by 10:30, v2.8") == {"12", "1.5", "10:30", "2.8"}


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), st.text(max_size=12))
def test_whatever_passes_is_the_text_at_its_place(start: int, end: int, noise: str) -> None:
    low, high = sorted((start, end))
    citation = replace(cite(low, high), quote=noise or TEXT[low:high])
    verified = VerifyCitations().run(answer(Sentence("So it is.", citations=(citation,))), run_context())
    for c in verified.citations:
        assert c.quote
        assert TEXT[c.start - 100 : c.end - 100] == c.quote
