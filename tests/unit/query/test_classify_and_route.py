"""What kind of question it is, and which way it goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.errors import ConfigError
from ragkit.filters import And, Eq, Or
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.graph.when import When
from ragkit.query.classify import ClassifyQuery
from ragkit.query.intents import INTENTS, intent_of
from ragkit.query.route import RouteQuery
from ragkit.text.analyze import Analyzer
from ragkit.types import Context, QueryPlan
from tests.unit.generate.scripted import Scripted
from tests.unit.making import run_context
from tests.unit.query.asked import WithFields, run

TERMS = Analyzer().terms
ROUTES = {
    "billing": {"about": "invoices", "examples": ["How do I pay an invoice?"], "filter": {"product": "pay"}},
    "russian": {"examples": ["Как оплатить счёт?"], "filter": {"lang": "ru"}},
    "nowhere": {"intents": ["out_of_scope"], "searches": False},
}


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("How do I reset a device?", "faq"),
        ("Can I return a used scanner?", "faq"),
        ("What happens when a licence expires?", "faq"),
        ("Как вернуть товар?", "faq"),
        ("Можно ли продлить гарантию?", "faq"),
        ("How long is the warranty?", "lookup"),
        ("Who approves the count?", "lookup"),
        ("Which port does the server use?", "lookup"),
        ("Сколько дней длится ремонт?", "lookup"),
        ("Кто утверждает пересчёт?", "lookup"),
        ("Who is older, Ann Lee or Bo Day?", "multi_hop"),
        ("When was the director of the film Ice born?", "multi_hop"),
        ("Чем Wick 5 отличается от Wick 7?", "multi_hop"),
        ("Какой порт у сервера, который принимает отчёты?", "multi_hop"),
        ("Hello there!", "out_of_scope"),
        ("Thank you so much", "out_of_scope"),
        ("Write me a poem about rain", "out_of_scope"),
        ("Привет!", "out_of_scope"),
        ("Расскажи анекдот", "out_of_scope"),
    ],
)
def test_the_words_tell_the_kind(question: str, intent: str) -> None:
    assert intent_of(question, TERMS) == intent


def test_the_kind_is_set_for_conditions_and_nothing_else_changes() -> None:
    plan = QueryPlan.of("How long is the warranty?")
    made = run(ClassifyQuery(), plan)
    assert made == replace(plan, intent="lookup")
    assert When.parse('intent == "lookup"').holds(made)
    assert not When.parse('intent in ["faq", "multi_hop"]').holds(made)


def test_a_model_is_told_what_the_documents_are_about() -> None:
    model = Scripted('{"intent": "out_of_scope"}')
    assert run(ClassifyQuery(llm=model, about="scanners"), "Who won?").intent == "out_of_scope"
    assert "documents. (scanners)" in model.asked[0][0].text
    assert model.options[0]["schema"]["properties"]["intent"]["enum"] == list(INTENTS)


def test_a_kind_that_is_none_is_not_set() -> None:
    ctx = run_context()
    assert run(ClassifyQuery(llm=Scripted('{"intent": "spam"}')), "Who won?", ctx).intent is None
    assert "expected one of" in ctx.degraded[0]


def test_a_question_goes_where_the_most_similar_example_goes() -> None:
    ctx = run_context()
    plan = run(RouteQuery(routes=ROUTES), "How can an invoice be paid?", ctx)
    assert (plan.route, plan.filter) == ("billing", Eq("product", "pay"))
    assert ctx.trace.facts["by"] == "examples"
    assert run(RouteQuery(routes=ROUTES), "Как оплатить счета?").filter == Eq("lang", "ru")


def test_a_question_that_fits_nowhere_is_left_as_it_is() -> None:
    plan = QueryPlan.of("How long is the warranty?")
    assert run(RouteQuery(routes=ROUTES), plan) is plan
    assert run(RouteQuery(routes=ROUTES, llm=Scripted('{"route": "none"}')), plan) is plan


def test_the_intent_decides_before_any_model() -> None:
    model = Scripted("never asked")
    plan = run(RouteQuery(routes=ROUTES, llm=model), replace(QueryPlan.of("Hello"), intent="out_of_scope"))
    assert (plan.route, plan.filter, model.asked) == ("nowhere", Or(()), [])


@pytest.mark.parametrize(
    ("intent", "commit", "reason"),
    [("out_of_scope", 1, "out_of_scope"), ("out_of_scope", 0, "no_documents"), ("faq", 1, "no_evidence")],
)
def test_where_nothing_was_searched_for_the_answer_says_why(intent: str, commit: int, reason: str) -> None:
    generate = ExtractiveGenerate()
    generate.setup(WithFields())
    plan = replace(QueryPlan.of("Привет!"), intent=intent, commit=commit)
    answer = generate.run(Context(plan, ()), run_context())
    assert (answer.abstained, answer.reason) == (True, reason)


def test_a_model_chooses_by_what_is_told_of_the_routes() -> None:
    model = Scripted('{"route": "billing"}')
    mine = replace(QueryPlan.of("Where is my receipt?"), filter=Eq("lang", "en"))
    plan = run(RouteQuery(routes=ROUTES, llm=model), mine)
    assert (plan.route, plan.filter) == ("billing", And((Eq("lang", "en"), Eq("product", "pay"))))
    assert "- billing: invoices\n- russian: Как оплатить счёт?" in model.asked[0][0].text


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ({"none": {}}, "'none' cannot name a route"),
        ({"a": {"intents": ["spam"]}}, "unknown intent 'spam'; expected faq, lookup"),
        ({}, "routes"),
    ],
)
def test_routes_that_cannot_be_are_refused(routes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RouteQuery(routes=routes)


@pytest.mark.parametrize("filter_", [{"colour": "red"}, {"tenant": "other"}, {"acl": "staff"}])
def test_a_route_with_a_filter_that_does_not_fit_is_refused_before_it_runs(filter_: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"query/route: routes: filter\."):
        run(RouteQuery(routes={"a": {"filter": filter_}}), "How long?")
