"""Rewriting, expanding, made-up passages: what a model adds, and what a list of synonyms does."""

from __future__ import annotations

import pytest

from ragkit.errors import ConfigError
from ragkit.query.expand import ExpandQuery
from ragkit.query.hyde import HydeQuery
from ragkit.query.rewrite import RewriteQuery
from ragkit.types import QueryPlan
from tests.unit.generate.scripted import Scripted
from tests.unit.making import run_context
from tests.unit.query.asked import run, said


def test_a_new_wording_is_searched_for_beside_the_question() -> None:
    plan = run(RewriteQuery(llm=Scripted('{"query": "duration of warranty"}')), "hi, how long warenty??")
    assert [(q.text, q.weight) for q in plan.queries] == [
        ("hi, how long warenty??", 1.0),
        ("duration of warranty", 1.0),
    ]
    assert plan.understood == "hi, how long warenty??"


def test_a_made_up_passage_is_searched_with_in_one_line() -> None:
    plan = run(HydeQuery(llm=Scripted('{"passage": "It lasts\\ntwo years."}')), "How long?")
    assert [(q.id, q.text, q.weight) for q in plan.queries][1] == ("hyde-1", "It lasts two years.", 0.5)


@pytest.mark.parametrize("stage", [RewriteQuery, HydeQuery])
def test_there_is_no_form_without_a_model(stage: type[RewriteQuery | HydeQuery]) -> None:
    with pytest.raises(ConfigError, match=r"llm: missing"):
        stage()


def test_further_wordings_are_bounded_and_each_once() -> None:
    reply = (
        '{"queries": ["how long?", "What term?", "What TERM?", "", "For how many months?", "Until when?"]}'
    )
    plan = run(ExpandQuery(llm=Scripted(reply), max=2), "How long?")
    assert said(plan) == ["How long?", "What term?", "For how many months?"]


def test_a_text_without_end_is_cut() -> None:
    plan = run(ExpandQuery(llm=Scripted('{"queries": ["' + "x" * 5000 + '"]}')), "How long?")
    assert len(plan.queries[1].text) == 2000


def test_synonyms_are_found_in_any_form_and_added() -> None:
    stage = ExpandQuery(synonyms={"day off": ["leave"], "отпуск": ["дни отдыха"], "VPN": ["tunnel"]})
    assert said(run(stage, "How many days off?"))[1:] == ["How many days off? leave"]
    assert said(run(stage, "Сколько дней отпуска?"))[1:] == ["Сколько дней отпуска? дни отдыха"]
    plan = QueryPlan.of("What is off that day?")
    assert run(stage, plan) is plan


def test_synonyms_hold_where_the_model_is_down() -> None:
    ctx = run_context()
    plan = run(ExpandQuery(llm=Scripted("no JSON"), synonyms={"VPN": ["tunnel"]}), "Which VPN?", ctx)
    assert said(plan) == ["Which VPN?"]
    assert ctx.degraded
