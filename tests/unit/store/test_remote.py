"""Conditions and bounds of filters, whatever server they go to."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from ragkit.filters import And, Contains, Eq, Filter, Gt, Not, Or, matches
from ragkit.store.remote.bounds import upper_bound
from ragkit.store.remote.conditions import (
    AllOf,
    Among,
    AnyOf,
    Beyond,
    Condition,
    NoneOf,
    all_of,
    any_of,
    equals,
    is_among,
    none_of,
)
from ragkit.store.remote.words import ranges_of, words_of
from ragkit.testing import strategies as made
from tests.scale import scaled


def holds(condition: Condition, metadata: dict[str, Any]) -> bool:
    """A condition as a server would evaluate it on what is kept of a chunk's metadata."""
    match condition:
        case bool():
            return condition
        case AllOf(parts):
            return all(holds(part, metadata) for part in parts)
        case AnyOf(parts):
            return any(holds(part, metadata) for part in parts)
        case NoneOf(part):
            return not holds(part, metadata)
        case Among("k", values):
            return not set(values).isdisjoint(words_of(metadata))
        case Beyond(word, side, limit):
            places = [place["v"] for place in ranges_of(metadata) if place["n"] == word]
            return any(v >= limit if side == "gte" else v <= limit for v in places)
    raise AssertionError(condition)


@settings(max_examples=scaled(20_000), deadline=None)
@given(made.metadata(), made.filters())
def test_a_bound_lets_through_all_that_a_filter_shows(metadata: dict[str, Any], wanted: Filter) -> None:
    if matches(wanted, metadata):
        assert holds(upper_bound(wanted), metadata)


def test_what_is_certified_is_exact() -> None:
    for wanted in (Eq("lang", "ru"), Not(Eq("lang", "ru"))):
        for lang in ("ru", "en"):
            assert holds(upper_bound(wanted), {"lang": lang}) == matches(wanted, {"lang": lang})


def test_nothing_empty_is_ever_asked() -> None:
    assert is_among("a", []) is False
    assert (all_of([]), any_of([])) == (True, False)
    assert none_of(any_of([False, False])) is True
    assert all_of([equals("a", 1), any_of([])]) is False


def test_conditions_that_hold_together_lie_side_by_side() -> None:
    a, b, c = (equals("k", name) for name in "abc")
    assert all_of([a, all_of([b, c])]) == AllOf((a, b, c))


def test_half_a_surrogate_pair_is_held_by_nothing() -> None:
    assert equals("tenant", "a\ud800") is False
    assert is_among("acl", ["\udfff", "staff"]) == Among("acl", ("staff",))


def test_what_is_too_deep_or_too_wide_for_a_server_is_left_out() -> None:
    deep: Filter = Contains("note", "x")
    for _ in range(60):
        deep = Not(And((deep, Gt("year", 1))))
    assert holds(upper_bound(deep), {"note": "x", "year": 2})
    assert upper_bound(Or(tuple(Eq("lang", f"l{i}") for i in range(2000)))) is True
