"""What passages hold of the evidence, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from ragkit.evaluation.dataset import Evidence
from ragkit.evaluation.metrics.all_evidence import AllEvidence
from ragkit.evaluation.metrics.coverage import coverage
from ragkit.evaluation.metrics.found import Found
from ragkit.evaluation.outcome import Outcome
from ragkit.types import Span
from tests.unit.evaluation.metrics.making import DELIVERY, WARRANTY, arm, case, context, place, ranking

TWO_HOPS = (Evidence("a", span=WARRANTY, hop=1), Evidence("b", span=Span(0, 28), hop=2))
ALTERNATIVES = (Evidence("a", span=WARRANTY), Evidence("b", span=Span(0, 28)))
spans = st.builds(lambda start, length: Span(start, start + length), st.integers(0, 30), st.integers(0, 12))


@seed(1)
@given(spans, st.lists(spans, max_size=6))
def test_coverage_counts_each_character_once(span: Span, others: list[Span]) -> None:
    characters = set(range(span.start, span.end))
    there = {c for other in others for c in range(other.start, other.end)}
    assert coverage(span, others) == (len(characters & there) / len(characters) if characters else 0.0)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([place("a"), place("b")], 1.0),
        ([place("b"), place("a")], 1.0),
        ([place("a")], 0.0),
        ([place("a"), place("a", Span(0, 9), chunk="other"), place("b")], 0.0),  # b stands third
        ([place("a", DELIVERY), place("b")], 0.0),  # the right document, the wrong sentence
        ([], 0.0),
    ],
)
def test_all_evidence_asks_for_every_hop_within_the_cutoff(places: list, expected: float) -> None:  # type: ignore[type-arg]
    assert AllEvidence(2).of(case(ranking(*places), evidence=TWO_HOPS)) == expected


def test_one_place_of_a_hop_is_enough() -> None:
    assert AllEvidence(1).of(case(ranking(place("b")), evidence=ALTERNATIVES)) == 1.0


def test_evidence_that_was_cut_in_two_is_put_together() -> None:
    whole = Evidence("a", span=Span(0, 28))
    first, second = place("a", Span(0, 10), chunk="1"), place("a", Span(10, 20), chunk="2")
    assert AllEvidence(2).of(case(ranking(first), evidence=[whole])) == 0.0  # 10 of 28 characters
    assert AllEvidence(2).of(case(ranking(first, second), evidence=[whole])) == 1.0  # 20 of 28


def test_half_of_the_evidence_is_enough_and_less_is_not() -> None:
    evidence = [Evidence("a", span=Span(0, 20))]
    assert AllEvidence(1).of(case(ranking(place("a", Span(10, 40))), evidence=evidence)) == 1.0
    assert AllEvidence(1).of(case(ranking(place("a", Span(11, 40))), evidence=evidence)) == 0.0


def test_without_evidence_nothing_is_said() -> None:
    assert AllEvidence(5).of(case(ranking(place("a")), judged={"a": 1})) is None


def test_what_a_node_found_is_the_share_of_hops() -> None:
    looked_at = case(arm("dense", place("a")), ranking(place("a"), place("b")), evidence=TWO_HOPS)
    assert Found("dense").of(looked_at) == 0.5
    assert Found("fuse").of(looked_at) == 1.0


def test_the_queries_of_an_arm_are_taken_together() -> None:
    assert (
        Found("dense").of(case(arm("dense", place("a")), arm("dense", place("b")), evidence=TWO_HOPS)) == 1.0
    )


def test_compression_is_judged_by_what_it_kept() -> None:
    kept = case(ranking(place("a")), context(place("a", DELIVERY)), evidence=[Evidence("a", span=WARRANTY)])
    assert (Found("fuse").of(kept), Found("compress").of(kept)) == (1.0, 0.0)


def test_without_evidence_a_relevant_document_is_looked_for() -> None:
    judged = {"a": 2, "b": 0}
    assert Found("fuse").of(case(ranking(place("a")), judged=judged)) == 1.0
    assert Found("fuse").of(case(ranking(place("b")), judged=judged)) == 0.0
    assert Found("fuse").of(case(ranking(place("b")), judged={"b": 0})) is None


def test_a_node_that_did_not_run_is_not_measured() -> None:
    assert Found("rerank").of(case(ranking(place("a")), judged={"a": 1})) is None
    assert Found("fuse").of(case(ranking(), judged={"a": 1})) == 0.0


def test_a_node_that_failed_has_found_nothing() -> None:
    skipped = replace(Outcome("q1", found=(ranking(place("b")),)), degraded=("dense",))
    looked_at = replace(case(judged={"a": 1}), outcome=skipped)
    assert Found("dense").of(looked_at) == 0.0
    assert Found("sparse").of(looked_at) is None
