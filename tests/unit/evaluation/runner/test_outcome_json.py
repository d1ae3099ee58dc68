"""Outcomes and timings come back from their lines as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given

from ragkit.errors import EvalError
from ragkit.evaluation.outcome import Found, Outcome, Place, Timing
from ragkit.evaluation.runner.outcome_json import outcome_line, outcome_of, timing_line, timing_of
from ragkit.types import Span
from tests.unit.evaluation.runner import values


@given(values.outcomes)
def test_an_outcome_comes_back_from_its_line(outcome: Outcome) -> None:
    line = outcome_line(outcome)
    assert outcome_of(line) == outcome
    assert outcome_of(line.encode()) == outcome
    assert line.count("\n") == 1


@given(values.timings)
def test_a_timing_comes_back_from_its_line(timing: Timing) -> None:
    assert timing_of(timing_line(timing)) == timing


def test_a_chunk_is_named_once_with_its_place() -> None:
    whole, part = (Span(0, 10),), (Span(2, 4), Span(6, 8))
    found = (
        Found("fuse", "fuse/rrf", kind="ranking", places=(Place("c1", "a.md", spans=whole, score=0.5),)),
        Found("compress", "compress/x", kind="context", places=(Place("c1", "a.md", spans=part),)),
    )
    row = json.loads(outcome_line(Outcome("q1", found=found)))
    assert row["chunks"] == {"c1": ["a.md", 0, 10]}
    assert [one["places"] for one in row["found"]] == [[["c1", 0.5]], [["c1", None, [[2, 4], [6, 8]]]]]


def test_half_a_surrogate_pair_is_written_and_comes_back() -> None:
    outcome = Outcome("q1", error="bad \ud800 text")
    assert outcome_of(outcome_line(outcome).encode()) == outcome


def test_a_number_of_numpy_is_written_as_a_number() -> None:
    place = Place("c1", "a.md", spans=(Span(0, 1),), score=np.float32(0.5))  # type: ignore[arg-type]
    outcome = Outcome("q1", found=(Found("n", "u", kind="arm", places=(place,)),))
    assert outcome_of(outcome_line(outcome)).ranking[0].score == 0.5


def test_a_score_that_is_no_number_is_not_written() -> None:
    place = Place("c1", "a.md", spans=(Span(0, 1),), score=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        outcome_line(Outcome("q1", found=(Found("n", "u", kind="arm", places=(place,)),)))


@pytest.mark.parametrize("line", ["", "{", "[]", "{}", '{"id": "q", "found": [{"node": "n"}]}', '"text"'])
def test_a_line_that_is_no_outcome_is_refused(line: str) -> None:
    with pytest.raises(EvalError, match="not an outcome"):
        outcome_of(line)
