"""Near-duplicates go, everything else stays in its order."""

from __future__ import annotations

from ragkit.compress.dedupe import Dedupe
from tests.unit.making import chunk, context, run_context

FIRST = "Returns are accepted within thirty days of delivery if the seal is intact."
AGAIN = "Returns are accepted within thirty days of delivery if the seal is intact!"
OTHER = "Refunds are paid to the card that was used for the purchase within ten days."


def kept(*texts: str, threshold: float = 0.85) -> list[str]:
    given = context("?", *(chunk(key, text) for key, text in zip("abcdef", texts, strict=False)))
    return [p.text for p in Dedupe(threshold=threshold).run(given, run_context()).passages]


def test_the_earlier_of_two_alike_stays() -> None:
    assert kept(FIRST, OTHER, AGAIN) == [FIRST, OTHER]


def test_a_passage_contained_in_an_earlier_one_goes() -> None:
    assert kept(f"{OTHER} {FIRST}", FIRST) == [f"{OTHER} {FIRST}"]


def test_a_longer_later_passage_stays() -> None:
    assert kept(FIRST, f"{FIRST} {OTHER}") == [FIRST, f"{FIRST} {OTHER}"]


def test_passages_shorter_than_a_shingle_are_compared_whole() -> None:
    assert kept("Yes.", "yes", "No.") == ["Yes.", "No."]
