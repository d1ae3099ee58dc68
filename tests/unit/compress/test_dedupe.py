"""What was said before goes, what is new stays, and another number is never the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.compress.dedupe import Dedupe
from ragkit.types import Context
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import WordsOnly

FIRST = "Returns are accepted within thirty days of delivery if the seal is intact."
AGAIN = "Returns are accepted within thirty days of delivery, if the seal is intact!"
OTHER = "Refunds are paid to the card that was used for the purchase within ten days."
THIRD = "A courier collects the parcel at the door on any working day."


def deduped(*texts: str, threshold: float = 0.5) -> Context:
    stage = Dedupe(threshold=threshold)
    stage.setup(WordsOnly())
    chunks = [
        chunk(key, text, start=10 * n) for n, (key, text) in enumerate(zip("abcdef", texts, strict=False))
    ]
    return stage.run(context("?", *chunks), run_context())


def kept(*texts: str, threshold: float = 0.5) -> list[str]:
    return [p.text for p in deduped(*texts, threshold=threshold).passages]


def test_the_earlier_of_two_alike_stays() -> None:
    assert kept(FIRST, OTHER, AGAIN) == [FIRST, OTHER]


def test_a_passage_contained_in_an_earlier_one_goes() -> None:
    assert kept(f"{OTHER} {FIRST}", FIRST) == [f"{OTHER} {FIRST}"]


def test_a_passage_that_two_earlier_ones_contain_goes() -> None:
    assert kept(f"{OTHER} {FIRST}", THIRD, f"{FIRST} {THIRD}") == [f"{OTHER} {FIRST}", THIRD]


def test_of_a_longer_version_what_is_new_stays_with_the_sentence_before_it() -> None:
    assert kept(f"{FIRST} {OTHER}", f"{FIRST} {OTHER} {THIRD}") == [f"{FIRST} {OTHER}", f"{OTHER} {THIRD}"]


def test_a_passage_most_of_which_is_new_stays_whole() -> None:
    assert kept(FIRST, f"{FIRST} {OTHER} {THIRD}") == [FIRST, f"{FIRST} {OTHER} {THIRD}"]


def test_passages_shorter_than_three_words_are_compared_whole() -> None:
    assert kept("Yes.", "yes", "No.") == ["Yes.", "No."]


LONG = (
    "The warranty of a scanner that was bought in a shop of ours or from one of our partners in Europe lasts "
    "{} months after the delivery of the last part of the order to the customer who paid for it in full"
)
LONG_RU = (
    "Гарантия на сканер, купленный в нашем магазине или у одного из наших партнёров в Европе, действует {} "
    "месяца после доставки последней части заказа тому покупателю, который полностью за него заплатил"
)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (LONG.format(24), LONG.format(36)),
        (LONG.format("24"), LONG.format("not 24")),
        (LONG_RU.format(24), LONG_RU.format(36)),
        (LONG.format("two"), LONG.format("three")),
        (LONG.format("24"), LONG.format("24").replace("months", "weeks")),
        (LONG.format("24") + " in March", LONG.format("24") + " in April"),
        (LONG_RU.format("два"), LONG_RU.format("три")),
        (LONG_RU.format("два") + " в марте", LONG_RU.format("два") + " в апреле"),
        (LONG_RU.format("два"), LONG_RU.format("не два")),
    ],
)
def test_another_number_or_negation_is_not_the_same(one: str, two: str) -> None:
    assert kept(one + ".", two + ".") == [one + ".", two + "."]
    assert kept(one + ".", one + "!") == [one + "."]


def test_one_other_letter_in_a_long_russian_sentence_is_the_same() -> None:
    text = LONG_RU.format("два") + "."
    assert kept(text, text.replace("партнёров", "партнеров").replace("полностью", "целиком")) == [text]


def test_what_was_cut_is_told() -> None:
    stage, ctx = Dedupe(), run_context()
    stage.setup(WordsOnly())
    given_context = context(
        "?", chunk("a", f"{FIRST} {OTHER}"), chunk("b", FIRST), chunk("c", f"{FIRST} {OTHER} {THIRD}")
    )
    stage.run(given_context, ctx)
    assert ctx.trace.facts == {"dropped": ["b" * 32], "shortened": ["c" * 32]}


def test_a_context_without_repetition_is_left_alone() -> None:
    stage, given_context = Dedupe(), context("?", chunk("a", FIRST), chunk("b", OTHER))
    stage.setup(WordsOnly())
    assert stage.run(given_context, run_context()) is given_context


@given(st.lists(st.lists(st.sampled_from([FIRST, OTHER, THIRD, "Yes.", "Да, 5."]), min_size=1), max_size=5))
def test_every_sentence_is_still_said_and_spans_hold(parts: list[list[str]]) -> None:
    made = deduped(*(" ".join(some) for some in parts))
    said = " ".join(passage.text for passage in made.passages)
    assert all(sentence in said for some in parts for sentence in some)
    for passage in made.passages:
        start = passage.chunk.span.start
        for span, text in zip(passage.keep, passage.texts(), strict=True):
            assert span.shift(-start).of(passage.chunk.text) == text
