from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.arrays import HitBatch
from ragkit.errors import GraphError
from ragkit.filters import And, Eq
from ragkit.graph.merge import merge_for, merge_plans, merge_rankings
from ragkit.types import Answer, ArmRanking, Context, Query, QueryPlan, Ranking, Rankings

PLAN = QueryPlan.of("asked", tenant="acme")


def with_queries(*pairs: tuple[str, str]) -> QueryPlan:
    return replace(PLAN, queries=tuple(Query(*pair) for pair in pairs))


def arm(retriever: str) -> ArmRanking:
    return ArmRanking(PLAN.queries[0], retriever=retriever, hits=HitBatch.empty())


def test_rankings_concatenate_in_the_order_of_the_parts() -> None:
    a, b, c = arm("a"), arm("b"), arm("c")
    merged = merge_rankings([Rankings(PLAN, (b, a)), Rankings(PLAN, ()), Rankings(PLAN, (c,))])
    assert merged.arms == (b, a, c)
    assert merged.plan is PLAN


def test_plans_merge_by_query_id_and_the_first_of_an_id_stands() -> None:
    merged = merge_plans(
        [with_queries(("q", "rewritten"), ("a", "1")), with_queries(("b", "2"), ("q", "asked"))]
    )
    assert [(q.id, q.text) for q in merged.queries] == [("q", "rewritten"), ("a", "1"), ("b", "2")]


def test_filters_of_plans_are_joined_so_that_none_is_widened() -> None:
    russian, new = Eq("lang", "ru"), Eq("year", 2026)
    parts = [replace(PLAN, filter=russian), PLAN, replace(PLAN, filter=new), replace(PLAN, filter=russian)]
    assert merge_plans(parts).filter == And((russian, new))


def test_one_filter_that_all_share_stays_as_it_is() -> None:
    russian = Eq("lang", "ru")
    parts = [replace(PLAN, filter=russian, queries=()), replace(PLAN, filter=russian)]
    assert merge_plans(parts).filter == russian


@pytest.mark.parametrize(
    "changed", [replace(PLAN, tenant="other"), replace(PLAN, acl=()), replace(PLAN, commit=3)]
)
def test_plans_of_different_readers_do_not_merge(changed: QueryPlan) -> None:
    with pytest.raises(GraphError, match="different tenants, acl or commits"):
        merge_plans([PLAN, changed])


def test_only_rankings_and_plans_can_be_joined() -> None:
    assert [merge_for(t) for t in (Rankings, QueryPlan)] == [merge_rankings, merge_plans]
    assert [merge_for(t) for t in (Ranking, Context, Answer, object)] == [None] * 4


def test_what_was_found_out_of_a_question_is_that_of_the_first_part_that_says() -> None:
    merged = merge_plans([PLAN, replace(PLAN, intent="faq"), replace(PLAN, intent="lookup", route="shop")])
    assert (merged.standalone, merged.intent, merged.route) == (None, "faq", "shop")
