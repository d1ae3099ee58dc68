"""What verification lets through, and what it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.types import Answer, Citation, Context, Sentence
from ragkit.verify.citations import VerifyCitations
from ragkit.verify.numbers import numbers
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
        (cite(0, 29, uri="https://elsewhere.example/"), "names the address"),
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


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("-5 °C", {"-5"}), ("(−5)", {"-5"}), ("10-20", {"10", "20"}), ("a - 5", {"5"}),
        ("10 000 ₽", {"10000"}), ("10\u00a0000", {"10000"}), ("10\u202f000,5", {"10000.5"}),
        ("1,000", {"1000"}), ("1,234,567.89", {"1234567.89"}), ("0,500", {"0.500"}), ("1.000", {"1.000"}),
        ("in 1990 500 people", {"1990", "500"}), ("v2.8.1", {"2.8.1"}), ("3.10", {"3.10"}),
        ("٣٦ or ３６", {"36"}), ("³⁶", {"³", "⁶"}), ("½ l", {"½"}), ("2025-01-02", {"2025", "01", "02"}),
    ],
)  # fmt: skip
def test_a_number_has_one_spelling(written: str, read: set[str]) -> None:
    assert numbers(written) == read


@pytest.mark.parametrize(
    ("said", "quoted", "is_borne_out"),
    [
        ("It is 5 °C.", "It is -5 °C.", False),
        ("It costs 10.", "It costs 10 000.", False),
        ("It costs 1.000.", "It costs 1,000.", False),
        ("It lasts ³⁶ months.", "It lasts 24 months.", False),
        ("It costs 10,000.", "It costs 10\n000.", True),
        ("It costs 1000.", "It costs 1,000.", True),
    ],
)
def test_numbers_compare_by_what_they_mean(said: str, quoted: str, is_borne_out: bool) -> None:
    within = context("?", chunk("a", quoted))
    citation = replace(cite(0, 0), start=0, end=len(quoted), quote=quoted)
    verified = VerifyCitations().run(
        answer(Sentence(said, citations=(citation,)), within=within), run_context()
    )
    assert verified.abstained is not is_borne_out


@pytest.mark.parametrize(
    "text", [f"{GOOD.marked} Buy now!", f"{GOOD.marked} [7]", GOOD.text, "The warranty lasts 240 months. [1]"]
)
def test_a_text_that_is_not_its_sentences_is_made_anew(text: str) -> None:
    assert VerifyCitations().run(answer(GOOD).with_(text=text), run_context()).text == GOOD.marked


def test_a_text_may_place_its_markers_and_blanks_where_it_likes() -> None:
    given = answer(GOOD).with_(text="The warranty\nlasts 24 months [1].\n")
    assert VerifyCitations().run(given, run_context()) == given


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), st.text(max_size=12))
def test_whatever_passes_is_the_text_at_its_place(start: int, end: int, noise: str) -> None:
    low, high = sorted((start, end))
    citation = replace(cite(low, high), quote=noise or TEXT[low:high])
    verified = VerifyCitations().run(answer(Sentence("So it is.", citations=(citation,))), run_context())
    for c in verified.citations:
        assert c.quote
        assert TEXT[c.start - 100 : c.end - 100] == c.quote
