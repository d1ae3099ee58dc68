"""Copies and versions are found among documents; documents that share a passage or two are none."""

from __future__ import annotations

import pytest

from ragkit.text.twins import Twins, copies
from ragkit.types import Chunk
from tests.unit.making import chunk


def text(subject: str) -> str:
    return " ".join(f"{subject}{n} of the {subject} is {n}." for n in range(20))


DOCUMENTS = {
    "a/v1.md": [text("pump"), text("valve"), text("licence")],
    "a/v2.md": [f"New: {text('pump')}", text("valve"), text("gauge"), text("licence")],
    "b.md": [text("motor"), text("belt"), text("licence")],
    "licence.md": [text("licence")],
    "empty.md": [],
    "signs.md": ["***"],
    "more-signs.md": ["***"],
}


def passages_of(document: str) -> list[Chunk]:
    return [chunk("a", one, document_id=document) for one in DOCUMENTS[document]]


def test_versions_are_copies_and_a_shared_licence_ties_nothing() -> None:
    assert copies(list(DOCUMENTS), passages_of) == [("a/v1.md", "a/v2.md")]


@pytest.mark.parametrize(
    ("first", "second", "are_twins"),
    [
        ("one two three", "One, two: three!", True),
        ("one two three", "one two three four five six", False),
        ("a b c d e f g h", "a b c d e f x y z", True),
        ("a b c d e f g h", "a b c d e x y z w", False),
        ("", "", False),
    ],
)
def test_twins_share_half_of_the_sequences_of_the_shorter(first: str, second: str, are_twins: bool) -> None:
    assert Twins(["else", first]).of(second) == ([1] if are_twins else [])
    assert Twins([second]).hold(first) == are_twins


def test_no_texts_hold_no_twin() -> None:
    assert not Twins([]).hold("a b c")
