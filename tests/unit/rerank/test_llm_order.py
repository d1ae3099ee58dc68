"""Whatever a model writes, an order stays an order: no hit is lost, none doubled, the same each time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.chat import Completion
from ragkit.rerank.llm_grades import Grades, in_places, scores_of
from ragkit.rerank.llm_order import read_order, repaired
from tests.scale import scaled

NUMBERS = st.lists(st.integers(-3, 12) | st.integers(), max_size=30)
PIECES = st.sampled_from(["[", "]", ",", " > ", "\n", '"', "{", "}", '{"order": ', "1", "2", "30", "x", "-"])


def read(text: str, n: int = 3) -> tuple[int, ...]:
    return read_order(Completion(text, model="m", finish_reason="stop"), n).positions


@given(NUMBERS, st.integers(1, 12))
@settings(max_examples=scaled(4000))
def test_a_repaired_order_is_whole_and_keeps_what_was_said(numbers: list[int], n: int) -> None:
    made = repaired(numbers, n)
    named = [i for i in numbers if 0 <= i < n]
    if made is None:
        assert not named
        return
    assert sorted(made.positions) == list(range(n))
    assert list(made.positions[: len(set(named))]) == list(dict.fromkeys(named))
    missing = made.positions[len(set(named)) :]
    assert list(missing) == sorted(missing)
    assert made.is_repaired == (list(made.positions) != numbers)
    again = repaired(made.positions, n)
    assert again is not None
    assert (again.positions, again.is_repaired) == (made.positions, False)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=80), st.integers(1, 12))
@settings(max_examples=scaled(4000), deadline=None)
def test_any_text_is_an_order_or_refused(text: str, n: int) -> None:
    try:
        positions = read(text, n)
    except ValueError:
        return
    assert sorted(positions) == list(range(n))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ('{"order": [3, 1, 2]}', (2, 0, 1)),
        ('Sure!\n```json\n{"order": [3, 1, 2]}\n```', (2, 0, 1)),
        ('<think>[1] > [2], or 1, 2, 3?</think>{"order": [3, 1, 2]}', (2, 0, 1)),
        ('{"order": ["3", "1", "2"]}', (2, 0, 1)),
        ('{"order": [3.0, 1.0, 2.0]}', (2, 0, 1)),
        ('{"order": [3, 1, 2], "why": "3 is best"}', (2, 0, 1)),
        ('{"order": [3, 1, ', (2, 0, 1)),
        ("[3] > [1] > [2]", (2, 0, 1)),
        ("[3]>[1]>[2]", (2, 0, 1)),
        ("[ 3 ], [ 1 ], [ 2 ]", (2, 0, 1)),
        ("The order is: 3 > 1 > 2.", (2, 0, 1)),
        ("3, 1, 2", (2, 0, 1)),
        ("[3, 1, 2]", (2, 0, 1)),
        ("[3]", (2, 0, 1)),
        ("Passage 3 is best: [3] > [1]", (2, 0, 1)),
        ("Порядок: [3] > [1] > [2]", (2, 0, 1)),
        ('{"order": [3, 3, 3, 1]}', (2, 0, 1)),
        ('{"order": [99, 3, -1, 0, 1]}', (2, 0, 1)),
        ('{"order": [3]}', (2, 0, 1)),
        ("3 > 1 > 20260101", (2, 0, 1)),
    ],
)
def test_orders_are_read_from_what_models_write(text: str, order: tuple[int, ...]) -> None:
    assert read(text) == order


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "{}",
        "null",
        "[]",
        '{"order": []}',
        '{"order": null}',
        '{"order": [true, false]}',
        '{"order": [1e999]}',
        '{"order": [NaN]}',
        '{"order": [7, 8, 9]}',
        '{"ranking": "best first"}',
        "[" * 5000,
        '{"order": ' * 2000,
        "I cannot order these 3 passages.",
        "Как языковая модель, я не могу выбрать из 3 фрагментов.",
        "The best passage is number 2.",
        "As said in [2], it lasts two years.",
        "[9] > [8]",
        "0, 0, 0",
        "123456789, 987654321",
        "<think>3 > 1 > 2",
        "\ud800",
    ],
)
def test_what_names_no_passage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names none of the 3 passages"):
        read(text)


def test_a_withheld_reply_is_refused() -> None:
    with pytest.raises(ValueError, match="withheld"):
        read_order(Completion("[1] > [2]", model="m", finish_reason="content_filter"), 3)


GRADES = st.lists(st.none() | st.integers(0, 3), max_size=25)


@given(GRADES)
def test_what_has_no_grade_keeps_its_place_and_the_rest_is_sorted(grades: Grades) -> None:
    order = in_places(grades)
    assert sorted(order) == list(range(len(grades)))
    assert all(i == place for place, i in enumerate(order) if grades[i] is None)
    judged = [i for i in order if grades[i] is not None]
    assert judged == sorted(judged, key=lambda i: (-(grades[i] or 0), i))


@given(GRADES)
def test_scores_fall_along_the_order(grades: Grades) -> None:
    scores = scores_of([grades[i] for i in in_places(grades)])
    assert all(1 > a > b > 0 for a, b in pairwise(scores))
    assert len(scores) == len(grades)
