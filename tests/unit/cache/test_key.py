"""What an answer is kept under."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ragkit.cache.key import question_key, reader_key
from ragkit.filters import And, Eq, Filter, Gte, In, Or
from ragkit.types import QueryPlan, Turn

PLAN = replace(QueryPlan.of("How long is it?", tenant="acme", acl=["staff"], filter=Eq("n", 1)), commit=7)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, tenant="globex"),
        replace(PLAN, tenant=None),
        replace(PLAN, acl=("staff", "sales")),
        replace(PLAN, acl=()),
        replace(PLAN, acl=None),
        replace(PLAN, filter=None),
        replace(PLAN, filter=Eq("n", True)),
        replace(PLAN, filter=Eq("n", "1")),
        replace(PLAN, filter=Gte("n", 1)),
        replace(PLAN, commit=8),
    ],
)
def test_whatever_decides_what_is_read_makes_another_key(other: QueryPlan) -> None:
    assert reader_key(other) != reader_key(PLAN)
    assert question_key(other) != question_key(PLAN)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, question="how long is it?"),
        replace(PLAN, question="How long is it"),
        replace(PLAN, history=(Turn("user", "The warranty?"),)),
    ],
)
def test_another_question_or_conversation_makes_another_key(other: QueryPlan) -> None:
    assert question_key(other) != question_key(PLAN)


def test_names_that_would_run_together_are_told_apart() -> None:
    assert reader_key(replace(PLAN, acl=("a,b",))) != reader_key(replace(PLAN, acl=("a", "b")))
    assert reader_key(replace(PLAN, acl=("a', 'b",))) != reader_key(replace(PLAN, acl=("a", "b")))


def test_what_is_the_same_to_a_reader_has_one_key() -> None:
    composed, apart = (unicodedata.normalize(form, "Как ещё?") for form in ("NFC", "NFD"))
    assert composed != apart
    assert question_key(QueryPlan.of(composed)) == question_key(QueryPlan.of(f"  {apart}\n"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (And((Eq("a", 1), Eq("b", 2))), And((Eq("b", 2), Eq("a", 1)))),
        (Or((Eq("a", 1), In("b", ("x", "y")))), Or((In("b", ("y", "x")), Eq("a", 1)))),
        (
            Gte("at", datetime(2025, 1, 1, tzinfo=UTC)),
            Gte("at", datetime(2025, 1, 1, tzinfo=UTC)),
        ),
    ],
)
def test_the_order_of_a_filters_parts_makes_no_difference(one: Filter, other: Filter) -> None:
    assert reader_key(replace(PLAN, filter=one)) == reader_key(replace(PLAN, filter=other))
