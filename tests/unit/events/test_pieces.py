"""The text of an answer, sentence by sentence."""

from __future__ import annotations

import pytest

from ragkit.events.pieces import joined, pieces
from ragkit.types import Answer, Citation, QueryPlan, Sentence

PLAN = QueryPlan.of("?")


def cited(text: str, *markers: int) -> Sentence:
    return Sentence(
        text,
        citations=tuple(
            Citation(n, document_id="d", start=0, end=1, quote="q", chunk_id="c", support=1.0)
            for n in markers
        ),
    )


@pytest.mark.parametrize(
    ("text", "sentences", "expected"),
    [
        ("A is. [1] B is. [2]", [cited("A is.", 1), cited("B is.", 2)], ["A is. [1]", "B is. [2]"]),
        ("- A [1][2]\n- B", [cited("- A", 1, 2), cited("- B")], ["- A [1][2]", "- B"]),
        ("A [1].\n\nB.", [cited("A.", 1), cited("B.")], ["A [1].", "B."]),
        ("| a | b [1] |\n| c | d |", [cited("| a | b |", 1), cited("| c | d |")], None),
        ("```\nx[1]\n```\n[1]", [cited("```\nx[1]\n```", 1)], ["```\nx[1]\n```\n[1]"]),
        ("Да. [2] Нет. [1]", [cited("Да.", 2), cited("Нет.", 1)], ["Да. [2]", "Нет. [1]"]),
    ],
)
def test_each_sentence_is_found_with_its_markers(
    text: str, sentences: list[Sentence], expected: list[str] | None
) -> None:
    found = pieces(Answer(PLAN, text=text, sentences=tuple(sentences)))
    assert joined(found) == text
    assert [piece.text for piece in found] == (expected or text.split("\n"))


def test_a_marker_that_no_citation_has_is_no_part_of_the_sentence_before_it() -> None:
    found = pieces(Answer(PLAN, text="A. [1] [2] B.", sentences=(cited("A.", 1), cited("[2] B."))))
    assert [piece.text for piece in found] == ["A. [1]", "[2] B."]


@pytest.mark.parametrize(
    "text", ['{"price": 30}', "A. [1] And what nobody cited. B.", " A. [1] B.", "B. A. [1]"]
)
def test_a_text_that_does_not_consist_of_its_sentences_leaves_them_apart(text: str) -> None:
    found = pieces(Answer(PLAN, text=text, sentences=(cited("A.", 1), cited("B."))))
    assert [piece.text for piece in found] == ["A. [1]", "B."]
    assert joined(found) != text
