"""What a model wrote, read: sentences, whose markers are whose, and what is no claim."""

from __future__ import annotations

import pytest

from ragkit.verify.written import Claim, is_cut_off, read_answer


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("A is so [1]. B is not. [2]", [("A is so.", (1,)), ("B is not.", (2,))]),
        ("A is so.[1][2] B is not [3].", [("A is so.", (1, 2)), ("B is not.", (3,))]),
        ("[1] A is so.\n[2] B is not.", [("A is so.", (1,)), ("B is not.", (2,))]),
        ("- A is so [1]\n- B is not [2]", [("- A is so", (1,)), ("- B is not", (2,))]),
        ("Срок — два года [1]. Это всё【2】.", [("Срок — два года.", (1,)), ("Это всё.", (2,))]),
        ("A is so [1", [("A is so", ())]),
        ("It says “see [3]” [1].", [("It says “see (3)”.", (1,))]),
        ("A is so [1].\n\nSources:\n[1] plans.md\n[2] other.md", [("A is so.", (1,))]),
        ("A is so [^1].\n\n[^1]: https://a.example", [("A is so.", (1,))]),
        ("", []),
    ],
)
def test_a_marker_belongs_to_its_sentence(text: str, read: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(claim.text, claim.numbers) for claim in read_answer(text, 5)] == read


def test_headings_rules_and_announcements_are_no_claims() -> None:
    text = "# Plans\n\nThe limits are:\n- ten [1]\n\n| A | B |\n|---|---|\n| 1 | 2 [2] |\n\n---"
    kinds = [claim.kind for claim in read_answer(text, 5)]
    assert kinds == ["frame", "frame", "prose", "frame", "frame", "row", "frame"]


def test_a_block_of_code_is_one_claim_with_the_marker_after_it() -> None:
    claims = read_answer("```\nx = rows[1]\n\ny = 2\n```\n[1]", 5)
    assert [(c.kind, c.numbers) for c in claims] == [("code", (1,))]
    assert "rows[1]" in claims[0].text


@pytest.mark.parametrize(
    ("text", "is_cut"), [("It lasts for the", True), ("It lasts", False), ("No.", False)]
)
def test_a_text_that_stops_after_a_word_that_leads_on_is_cut(text: str, is_cut: bool) -> None:
    assert is_cut_off(Claim(text)) is is_cut
