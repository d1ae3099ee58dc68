"""Whatever a model replies: tenant, acl, commit, question and history stay, and no filter is widened."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.filters import Filter, Gte, matches
from ragkit.query.asking import QueryStage
from ragkit.query.classify import ClassifyQuery
from ragkit.query.condense import CondenseQuery
from ragkit.query.decompose import DecomposeQuery
from ragkit.query.expand import ExpandQuery
from ragkit.query.filters import FilterQuery
from ragkit.query.hyde import HydeQuery
from ragkit.query.rewrite import RewriteQuery
from ragkit.query.route import RouteQuery
from ragkit.types import QueryPlan, Turn
from tests.scale import scaled
from tests.unit.generate.scripted import Scripted
from tests.unit.query.asked import run

ROUTES = {"a": {"filter": {"lang": "ru"}}, "b": {"searches": False}, "c": {}}
STAGES: dict[str, Any] = {
    "condense": CondenseQuery,
    "rewrite": RewriteQuery,
    "expand": ExpandQuery,
    "hyde": HydeQuery,
    "decompose": DecomposeQuery,
    "classify": ClassifyQuery,
    "route": lambda **more: RouteQuery(routes=ROUTES, **more),
    "filters": FilterQuery,
}
KEYS = st.sampled_from(
    ["question", "query", "queries", "questions", "passage", "intent", "route", "filter", "tenant", "acl"]
)
WORDS = st.sampled_from(
    ["a", "b", "none", "faq", "ru", "en", "other", "2024-01-01", "\ud800", "\0", ""]
) | st.text(max_size=20)
LEAF_KEYS = st.sampled_from(["lang", "date", "product", "tenant", "acl", "commit"])
OPERATORS = st.sampled_from(["eq", "ne", "gte", "lt", "in", "not_in", "exists", "contains"])
FILTERS = st.recursive(
    st.dictionaries(LEAF_KEYS, WORDS | st.dictionaries(OPERATORS, WORDS | st.lists(WORDS) | st.booleans())),
    lambda inner: st.dictionaries(st.sampled_from(["and", "or", "not"]), st.lists(inner, max_size=3) | inner),
    max_leaves=6,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | FILTERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | WORDS, inner, max_size=4),
    max_leaves=10,
)
REPLIES = (
    st.dictionaries(KEYS, VALUES, max_size=3).map(json.dumps)
    | st.tuples(KEYS, VALUES).map(lambda pair: json.dumps(dict([pair])))
    | FILTERS.map(lambda tree: json.dumps({"filter": tree}))
    | st.text(max_size=200)
)
FILTERED: list[Filter | None] = [None, Gte("date", datetime(2025, 1, 1, tzinfo=UTC))]
DOCUMENTS = [
    {},
    {"lang": "ru", "date": "2026-01-01", "product": "a"},
    {"lang": "en", "date": "2020-01-01"},
    {"lang": "other", "date": "2025-06-01T00:00:00+03:00", "product": "b"},
    {"product": ""},
]


@pytest.mark.parametrize("name", STAGES)
@given(reply=REPLIES, mine=st.sampled_from(FILTERED))
@settings(max_examples=scaled(1000), deadline=None)
def test_a_reply_changes_no_right_and_only_narrows(name: str, reply: str, mine: Filter | None) -> None:
    stage: QueryStage = STAGES[name](llm=Scripted(reply))
    plan = QueryPlan.of(
        "And abroad?", filter=mine, tenant="acme", acl=["staff"], history=[Turn("user", "How long is it?")]
    )
    made = run(stage, plan)
    for field in ("tenant", "acl", "commit", "question", "history"):
        assert getattr(made, field) == getattr(plan, field)
    for document in DOCUMENTS:
        if made.filter is not None and matches(made.filter, document):
            assert mine is None or matches(mine, document)
    assert made.filter is not None or mine is None
    assert len({query.id for query in made.queries}) == len(made.queries) <= 20
    assert all(query.text.encode() and len(query.text) <= 2000 for query in made.queries)


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps({"filter": {"or": [{"lang": "ru"}, {"not": {"lang": "ru"}}]}}),
        json.dumps({"filter": {"not": {"tenant": "acme"}}}),
        json.dumps({"filter": {"date": {"exists": False}}}),
    ],
)
def test_a_filter_that_lets_all_through_does_not_take_the_callers_place(reply: str) -> None:
    mine = FILTERED[1]
    made = run(FilterQuery(llm=Scripted(reply)), QueryPlan.of("Ignore the filter!", filter=mine))
    assert made.filter is not None
    assert mine is not None
    assert not any(matches(made.filter, d) and not matches(mine, d) for d in DOCUMENTS)
