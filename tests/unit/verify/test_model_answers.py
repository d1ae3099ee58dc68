"""What becomes of the text of a language model that cites passages by number."""

from __future__ import annotations

import pytest

from ragkit.types import Answer
from ragkit.verify.citations import VerifyCitations
from tests.unit.making import chunk, context, run_context

WARRANTY = "The warranty lasts 24 months. It does not cover water damage. Ask Petrov before you return it."
LICENCE = "When a licence expires, Lantern works without restriction for 21 more days."
CONTEXT = context(
    "How long is the warranty?",
    chunk("a", WARRANTY, start=100),
    chunk("b", LICENCE, document_id="other"),
)


def verified(text: str, **settings: object) -> Answer:
    written = Answer(CONTEXT.plan, text=text, context=CONTEXT, generator="generate/cited")
    return VerifyCitations(**settings).run(written, run_context())


def markers(answer: Answer) -> list[list[int]]:
    return [[c.marker for c in sentence.citations] for sentence in answer.sentences]


def test_a_marker_becomes_the_place_that_bears_the_sentence() -> None:
    answer = verified("It lasts 24 months [1].")
    (citation,) = answer.citations
    assert (citation.quote, citation.start, citation.marker) == ("The warranty lasts 24 months.", 100, 1)
    assert answer.text == "It lasts 24 months. [1]"


def test_verifying_again_changes_nothing() -> None:
    answer = verified("# Terms\n\nThese hold:\n- It lasts 24 months [1]\n- No water damage is covered [1]")
    assert len(answer.sentences) == 2
    assert VerifyCitations().run(answer, run_context()) == answer


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("The warranty lasts 36 months [1].", "does not state 36"),
        ("The warranty lasts 24 days [1].", "does not state 24"),
        ("The warranty covers water damage [1].", "the other way round"),
        ("Ask Ivanov before you return it [1].", "does not mention Ivanov"),
        ("Ask Petrov after you return it [1].", "says 'before' and not 'after'"),
        ("It says “the warranty lasts for ever” [1].", "does not say"),
        ("The warranty lasts 24 months, see https://evil.example/a [1].", "does not have https"),
        ("Everyone knows it [1].", "has nothing on it"),
        ("The warranty lasts until 3 May 2024 [1].", "does not state 3 May 2024"),
    ],
)
def test_what_the_source_does_not_say_is_dropped_with_the_reason(text: str, problem: str) -> None:
    answer = verified(text)
    assert (answer.abstained, answer.reason) == (True, "unsupported")
    assert problem in answer.dropped[0].problems[0]


@pytest.mark.parametrize("marker", ["[2]", "[9]", "[0]", "[2-9]", ""])
def test_a_wrong_or_missing_marker_is_put_right_where_support_is_clear(marker: str) -> None:
    assert markers(verified(f"The warranty lasts 24 months {marker}.")) == [[1]]


def test_without_attribution_a_wrong_marker_is_refused() -> None:
    assert verified("The warranty lasts 24 months [2].", attribute=False).abstained


def test_a_sentence_of_two_sources_cites_both() -> None:
    text = "The warranty lasts 24 months, and Lantern works for 21 more days when a licence expires [1][2]."
    assert {marker for (*_, marker) in markers(verified(text))} == {2}


def test_what_is_said_again_is_left_out() -> None:
    answer = verified("The warranty lasts 24 months [1]. The warranty lasts 24 months [1].")
    assert len(answer.sentences) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I cannot answer this from the passages.", "no_evidence"),
        ("В документах нет информации об этом.", "no_evidence"),
        ("This question is outside the scope of the documents.", "out_of_scope"),
        ("The documents contradict one another.", "conflicting"),
    ],
)
def test_a_refusal_is_an_abstention_with_its_reason(text: str, reason: str) -> None:
    answer = verified(text)
    assert (answer.abstained, answer.reason, answer.dropped) == (True, reason, ())


def test_what_the_documents_leave_open_may_be_said_without_a_citation() -> None:
    answer = verified("The warranty lasts 24 months [1]. The passages do not say what it costs.")
    assert markers(answer) == [[1], []]


def test_flag_keeps_a_sentence_with_its_problem() -> None:
    answer = verified("The warranty lasts 36 months [1].", on_unsupported="flag")
    assert answer.sentences[0].problems == ("its source does not state 36",)
    assert answer.sentences[0].citations == ()


def test_abstain_refuses_the_whole_answer() -> None:
    answer = verified("It lasts 24 months [1]. It lasts 36 months [1].", on_unsupported="abstain")
    assert (answer.reason, answer.sentences) == ("unsupported", ())


def test_regenerate_says_what_to_write_anew() -> None:
    draft = "It lasts 24 months [1]. It lasts 36 months [1]."
    answer = verified(draft, on_unsupported="regenerate")
    assert answer.correction is not None
    assert answer.correction.draft == draft
    assert answer.correction.refused[0].problems == ("its source does not state 36",)
    assert markers(answer) == [[1]]


def test_a_row_keeps_its_marker_in_the_last_cell() -> None:
    answer = verified(
        "| Plan | Days |\n|---|---|\n| licence expires: Lantern works without restriction | 21 days [2] |"
    )
    assert answer.text.endswith("| 21 days [2] |")


CONFLICT = context(
    "How long is the warranty?",
    chunk("a", "The warranty lasts 24 months from delivery."),
    chunk("b", "The warranty lasts 36 months from delivery.", document_id="other"),
)


def test_a_passage_that_says_otherwise_is_not_cited() -> None:
    text = "The warranty lasts 24 months from delivery [1][2]."
    ctx = run_context()
    answer = VerifyCitations().run(Answer(CONFLICT.plan, text=text, context=CONFLICT), ctx)
    assert markers(answer) == [[1]]
    assert ctx.trace.facts["conflicting"] == 1


def test_passages_that_contradict_each_other_are_a_reason_to_abstain() -> None:
    text = "The warranty lasts 24 months from delivery [1][2]."
    strict = VerifyCitations(on_unsupported="abstain")
    answer = strict.run(Answer(CONFLICT.plan, text=text, context=CONFLICT), run_context())
    assert (answer.abstained, answer.reason) == (True, "conflicting")


def test_a_refusal_that_carries_a_link_is_not_shown() -> None:
    answer = verified("The passages do not say, see https://evil.example/a instead.")
    assert (answer.abstained, answer.reason) == (True, "unsupported")
    assert "evil" not in answer.text
