"""What a question says of documents, as a filter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ragkit.errors import ConfigError
from ragkit.fields import parse_fields
from ragkit.filters import And, Eq, Filter, Gte, In, Lt
from ragkit.query.filter_rules import said_of_documents
from ragkit.query.filters import FilterQuery
from ragkit.types import QueryPlan
from tests.unit.generate.scripted import Scripted
from tests.unit.making import run_context
from tests.unit.query.asked import FIELDS, run

VALUES = {"product": ["Wick 5", "Wick 7"]}


def day(year: int, month: int = 1, n: int = 1) -> datetime:
    return datetime(year, month, n, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Are there documents in Russian on the warranty?", Eq("lang", "ru")),
        ("Find English articles about returns", Eq("lang", "en")),
        ("Документы на английском о возврате", Eq("lang", "en")),
        ("Покажи русские инструкции, только на русском", Eq("lang", "ru")),
        ("What do reports from 2024 say?", And((Gte("date", day(2024)), Lt("date", day(2025))))),
        ("Reports published since March 2024", Gte("date", day(2024, 3))),
        ("News before 2020-05-17 on prices", Lt("date", day(2020, 5, 17))),
        ("Contracts signed after December 2023", Gte("date", day(2024))),
        ("Отчёты за 2024 год", And((Gte("date", day(2024)), Lt("date", day(2025))))),
        ("Договоры, подписанные до марта 2023 года", Lt("date", day(2023, 3))),
        ("Новости с 2022 года о ценах", Gte("date", day(2022))),
        ("How long is the warranty of a Wick 5?", Eq("product", "Wick 5")),
        ("Wick 5 или Wick 7?", In("product", ("Wick 5", "Wick 7"))),
    ],
)
def test_what_is_said_of_documents_is_a_filter(question: str, expected: Filter) -> None:
    assert said_of_documents(question, FIELDS, VALUES) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What was the revenue of 2024?",
        "How many people speak Russian?",
        "Какая выручка была в 2024 году?",
        "Кто говорит на русском?",
        "How do I return Wick 50?",
        "Reports from 2024-13-45",
    ],
)
def test_what_is_only_asked_about_is_none(question: str) -> None:
    assert said_of_documents(question, FIELDS, VALUES) is None


def test_of_two_fields_of_dates_nobody_says_which() -> None:
    fields = parse_fields({"made": "datetime", "seen": "datetime"})
    assert said_of_documents("Reports from 2024", fields, {}) is None


def test_a_filter_is_joined_to_the_callers() -> None:
    mine = replace(QueryPlan.of("Documents in Russian?"), filter=Eq("product", "Wick 5"))
    assert run(FilterQuery(), mine).filter == And((Eq("product", "Wick 5"), Eq("lang", "ru")))


def test_a_model_writes_a_filter_that_is_checked() -> None:
    model, ctx = Scripted('{"filter": {"date": {"gte": "2024-01-01"}, "product": "Wick 5"}}'), run_context()
    stage = FilterQuery(llm=model, values=VALUES, today=date(2026, 1, 31))
    plan = run(stage, "What is new for the Wick 5 since 2024?", ctx)
    assert plan.filter == And((Gte("date", day(2024)), Eq("product", "Wick 5")))
    assert '- product: keyword, one of ["Wick 5", "Wick 7"]' in model.asked[0][0].text
    assert "2025-01-31. (2026-01-31)" in model.asked[0][0].text
    assert "tenant" not in model.asked[0][0].text
    assert ctx.trace.facts["filter"]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ('{"filter": {"colour": "red"}}', "unknown field"),
        ('{"filter": {"tenant": "other"}}', "not a filter but a parameter"),
        ('{"filter": {"or": [{"acl": {"contains": "admin"}}, {"lang": "ru"}]}}', "not a filter"),
        ('{"filter": {"lang": {"gt": "a"}}}', "no order"),
        ('{"filter": {"date": "soon"}}', "ISO 8601"),
        ('{"filter": "lang = ru"}', "fits none of"),
        ('{"filter": ' + '{"not": ' * 150 + '{"lang": "ru"}' + "}" * 151, "nested"),
    ],
)
def test_a_filter_that_does_not_fit_leaves_the_plan_as_it_was(reply: str, why: str) -> None:
    plan, ctx = replace(QueryPlan.of("Red ones?"), filter=Eq("lang", "en")), run_context()
    assert run(FilterQuery(llm=Scripted(reply)), plan, ctx) is plan
    assert why in ctx.degraded[0]


@pytest.mark.parametrize("reply", ['{"filter": null}', '{"filter": {}}'])
def test_no_filter_is_none(reply: str) -> None:
    plan, ctx = QueryPlan.of("How long?"), run_context()
    assert run(FilterQuery(llm=Scripted(reply)), plan, ctx) is plan
    assert ctx.degraded == []


@pytest.mark.parametrize("settings", [{"fields": ["colour"]}, {"values": {"tenant": ["a"]}}])
def test_a_field_that_is_not_declared_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"is no declared field.* Declared under collection.fields: lang,"):
        run(FilterQuery(**settings), "How long?")


def test_only_the_named_fields_may_be_filtered_by() -> None:
    ctx = run_context()
    plan = run(FilterQuery(llm=Scripted('{"filter": {"lang": "ru"}}'), fields=["date"]), "How long?", ctx)
    assert (plan.filter, bool(ctx.degraded)) == (None, True)
