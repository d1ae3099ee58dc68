"""Judgements of documents and places, brought to chunks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from ragkit.evaluation.chunk_grades import chunk_grades
from ragkit.evaluation.dataset import Evidence
from ragkit.types import Chunk, Span


def chunks(document: str, *spans: tuple[int, int]) -> list[Chunk]:
    return [
        Chunk(f"{document}{n}", document, span=Span(*span), text="", ordinal=n)
        for n, span in enumerate(spans)
    ]


def evidence(document: str, start: int, end: int) -> Evidence:
    return Evidence(document, span=Span(start, end))


def test_without_places_all_chunks_have_the_grade_of_their_document() -> None:
    some = [*chunks("a", (0, 5), (5, 9)), *chunks("b", (0, 5)), *chunks("c", (0, 5))]
    assert chunk_grades(some, {"a": 2, "b": 0}) == {"a0": 2, "a1": 2, "b0": 0}


@pytest.mark.parametrize(
    ("place", "grades"),
    [
        ((1, 4), {"a0": 3, "a1": 0}),
        ((4, 9), {"a0": 0, "a1": 3}),
        ((3, 7), {"a0": 3, "a1": 3}),  # half in each
        ((0, 40), {"a0": 3, "a1": 3}),  # in neither by half: those that hold the most
        ((20, 30), {"a0": 0, "a1": 0}),
    ],
)
def test_a_place_has_the_chunks_that_hold_half_of_it(place: tuple[int, int], grades: dict[str, int]) -> None:
    assert chunk_grades(chunks("a", (0, 5), (5, 10)), {"a": 3}, [evidence("a", *place)]) == grades


def test_a_place_in_a_document_that_is_not_judged_counts_as_one() -> None:
    assert chunk_grades(chunks("b", (0, 5)), {"a": 3}, [evidence("b", 1, 4)]) == {"b0": 1}


@seed(3)
@given(st.integers(0, 90), st.integers(1, 10), st.lists(st.integers(1, 99), max_size=6, unique=True))
def test_however_a_text_is_cut_some_chunk_has_the_grade(start: int, length: int, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), 100]
    some = chunks("a", *pairwise(bounds))
    grades = chunk_grades(some, {"a": 2}, [evidence("a", start, start + length)])
    assert 2 in grades.values()
    assert set(grades) == {chunk.id for chunk in some}
