from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings

from ragkit.errors import ConfigError, FilterError
from ragkit.fields import FieldSpec, FieldType, parse_fields, problems_of
from ragkit.filter_parser import check_filter, parse_filter
from ragkit.filters import (
    And,
    Contains,
    Eq,
    Exists,
    Filter,
    Gte,
    In,
    Lt,
    Not,
    NotIn,
    Or,
    both,
    fields_used,
    matches,
    to_json,
)
from ragkit.testing import strategies as made
from ragkit.testing.data import FIELDS
from ragkit.testing.filters import FilterChecks


class TestReferenceEvaluator(FilterChecks):
    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        return matches(wanted, metadata)


def test_the_shapes_a_filter_is_written_in() -> None:
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    written: list[tuple[dict[str, Any], Filter]] = [
        ({"lang": "ru"}, Eq("lang", "ru")),
        ({"lang": ["ru", "en"]}, In("lang", ("ru", "en"))),
        ({"lang": {"not_in": ["ru"]}}, NotIn("lang", ("ru",))),
        ({"date": {"gte": "2025-01-01", "lt": moment}}, And((Gte("date", moment), Lt("date", moment)))),
        ({"date": date(2025, 1, 1)}, Eq("date", moment)),
        ({"tags": {"contains": "x"}}, Contains("tags", "x")),
        ({"lang": {"exists": False}}, Not(Exists("lang"))),
        ({"or": [{"lang": "ru"}, {"year": 1}]}, Or((Eq("lang", "ru"), Eq("year", 1)))),
        ({"not": {"lang": "ru"}, "year": 1}, And((Not(Eq("lang", "ru")), Eq("year", 1)))),
        ({"or": []}, Or(())),
    ]
    for raw, expected in written:
        assert parse_filter(raw, FIELDS) == expected


def test_no_filter_is_none() -> None:
    assert parse_filter({}, FIELDS) is None
    assert parse_filter(None, FIELDS) is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"lnag": "ru"}, r"filter.lnag: unknown field.*Did you mean 'lang'"),
        ({"year": {"gtee": 1}}, r"filter.year.gtee: unknown operator.*Did you mean 'gte'"),
        ({"year": "2024"}, r"filter.year.eq: '2024' \(str\): expected a finite number.*integer"),
        ({"year": True}, r"filter.year.eq: True \(bool\)"),
        ({"draft": 1}, r"filter.draft.eq: 1 \(int\): expected true or false"),
        ({"lang": 5}, r"filter.lang.eq: 5 \(int\): expected text"),
        ({"lang": None}, r"use \{'exists': false\}"),
        ({"price": float("nan")}, r"filter.price.eq: nan"),
        ({"price": {"lt": float("inf")}}, r"filter.price.lt: inf"),
        ({"date": "yesterday"}, r"filter.date.eq: 'yesterday'.*ISO 8601"),
        ({"lang": {"gt": "a"}}, r"filter.lang.gt: lang is declared as keyword, which has no order"),
        ({"lang": {"contains": "r"}}, r"filter.lang.contains: contains works on lists and on text"),
        ({"lang": {"in": "ru"}}, r"filter.lang.in: 'ru': expected a list"),
        ({"lang": {"exists": "yes"}}, r"filter.lang.exists: 'yes': expected true or false"),
        ({"lang": {}}, r"filter.lang: no operator"),
        ({"tenant": "acme"}, r"filter.tenant: not a filter but a parameter"),
        ({"acl": ["x"]}, r"filter.acl: not a filter but a parameter"),
        ({"or": {"lang": "ru"}}, r"filter.or: .*expected a list of filters"),
        ({"not": {}}, r"an empty filter inside"),
        ({"or": [{}]}, r"an empty filter inside"),
        ("lang", r"expected a mapping"),
    ],
)
def test_mistakes_name_the_field_and_what_was_expected(raw: Any, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_filter(raw, FIELDS)


def test_trees_built_by_hand_are_checked_too() -> None:
    wrong: list[Filter] = [
        Eq("year", True),
        Eq("nowhere", 1),
        Lt("lang", "x"),
        In("date", ("2025-01-01",)),
        Not(Contains("lang", "x")),
        Or((Eq("tenant", "other"),)),
    ]
    for tree in wrong:
        with pytest.raises(FilterError):
            parse_filter(tree, FIELDS)


@given(made.filters())
def test_json_round_trip(tree: Filter) -> None:
    assert parse_filter(to_json(tree), FIELDS) == tree


@given(made.filters())
def test_generated_filters_are_valid_and_name_their_fields(tree: Filter) -> None:
    check_filter(tree, FIELDS)
    assert fields_used(tree) <= set(FIELDS)


@settings(max_examples=300)
@given(made.filters(), made.filters(), made.metadata())
def test_boolean_laws(a: Filter, b: Filter, metadata: dict[str, Any]) -> None:
    assert matches(Not(a), metadata) is not matches(a, metadata)
    assert matches(Not(And((a, b))), metadata) is matches(Or((Not(a), Not(b))), metadata)
    assert matches(Not(Or((a, b))), metadata) is matches(And((Not(a), Not(b))), metadata)
    joined = both(a, b)
    assert joined is not None
    assert matches(joined, metadata) is (matches(a, metadata) and matches(b, metadata))


@given(made.filters())
def test_an_empty_document_satisfies_only_negations(tree: Filter) -> None:
    if not isinstance(tree, And | Or | Not):
        assert not matches(tree, {})


def test_fields_are_declared_in_one_word() -> None:
    fields = parse_fields({"tenant": "keyword!", "acl": ["keyword"], "lang": "keyword", "date": "datetime"})
    assert fields["tenant"] == FieldSpec("tenant", FieldType.KEYWORD, required=True)
    assert fields["acl"].many
    assert fields["date"].type is FieldType.DATETIME
    assert parse_fields({name: spec.declaration for name, spec in fields.items()}) == fields


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"lang": "keywrod"}, r"fields.lang: 'keywrod' is not a type.*Did you mean 'keyword'"),
        ({"lang": ["keyword", "text"]}, r"fields.lang: \['keyword', 'text'\] is not a type"),
        ({"or": "keyword"}, r"'or' cannot name a field"),
        ({"tenant": "integer"}, r"fields.tenant: .*expected keyword!"),
        ({"acl": "keyword"}, r"fields.acl: .*expected \[keyword\]"),
    ],
)
def test_wrong_declarations_are_refused(raw: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_fields(raw)


def test_all_wrong_declarations_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_fields({"a": "x", "b": "keyword", "c": 5})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"year": "2024"},
        {"year": 1.0},
        {"year": True},
        {"year": 2**63},
        {"tags": "faq"},
        {"tags": ["faq", 1]},
        {"lang": ["ru"]},
        {"date": "soon"},
        {"price": float("nan")},
        {"other": object()},
        {"other": {"nested": 1}},
        {"other": "\ud800"},
    ],
)
def test_metadata_that_no_filter_could_judge_is_refused(metadata: dict[str, Any]) -> None:
    (problem,) = problems_of(metadata, FIELDS)
    assert next(iter(metadata)) in problem


@given(made.metadata())
def test_generated_metadata_fits(metadata: dict[str, Any]) -> None:
    assert problems_of(metadata, FIELDS) == []


def test_a_required_field_must_be_there() -> None:
    fields = parse_fields({"lang": "keyword!"})
    assert problems_of({}, fields) == ["metadata.lang is required and missing"]
    assert problems_of({"lang": "ru"}, fields) == []


def test_numbers_of_any_length_are_compared_and_never_overflow() -> None:
    fields = parse_fields({"year": "integer", "share": "number"})
    huge = parse_filter({"year": {"lt": 10**400}, "share": {"gt": -(10**400)}}, fields)
    assert huge is not None
    assert matches(huge, {"year": 2025, "share": 0.5})


def test_an_instant_outside_of_the_calendar_is_a_filter_error() -> None:
    fields = parse_fields({"date": "datetime"})
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=3)))
    for raw in ({"date": early}, {"date": "0001-01-01T00:00:00+03:00"}):
        with pytest.raises(FilterError, match="expected an ISO 8601 date or time"):
            parse_filter(raw, fields)


@pytest.mark.parametrize("depth", [101, 100_000])
def test_a_filter_too_deep_to_walk_is_a_filter_error(depth: int) -> None:
    fields = parse_fields({"lang": "keyword"})
    raw: object = {"lang": "ru"}
    tree: Filter = Eq("lang", "ru")
    for _ in range(depth):
        raw, tree = {"not": raw}, Not(tree)
    for deep in (raw, tree):
        with pytest.raises(FilterError, match="nested more than 100 deep"):
            parse_filter(deep, fields)


def test_what_no_store_can_hold_is_named_in_short() -> None:
    (number, key, long) = problems_of({"n": 10**5000, "\ud800": "x", "o": ["y" * 9999, None]}, {})
    assert number.startswith("metadata.n: a number of thousands of digits: expected text")
    assert key.startswith("metadata.'\\ud800': 'x': expected text")
    assert len(long) < 400


class Unwritable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "value",
    [10**5000, nested(100_000), Unwritable(), "x" * 1_000_000],
    ids=["digits", "nested", "unwritable", "long"],
)
def test_a_value_that_cannot_be_written_out_is_a_filter_error_in_short(value: Any) -> None:
    raws: list[Any] = [
        {"year": {"eq": [value]}},
        {"lang": {"in": [[value]]}},
        {"lang": {"exists": value}},
        {"lang": {"in": value}},
        {"and": value},
        {"or": [value]},
        {"not": value},
        [value],
    ]
    raws += [] if isinstance(value, list) else [{value: 1}, {"lang": {value: 1}}]
    for raw in raws:
        with pytest.raises(FilterError) as caught:
            parse_filter(raw, FIELDS)
        assert len(str(caught.value)) < 1000
    with pytest.raises(FilterError):
        check_filter(Eq("draft", value), FIELDS)


def test_only_tuples_of_filters_and_values_can_be_remembered() -> None:
    parts: Any = [Eq("lang", "ru")]
    words: Any = ["ru"]
    for tree in (And(parts), Or(parts), In("lang", words), NotIn("lang", words), In("lang", "ru"), And(5)):  # type: ignore[arg-type]
        with pytest.raises(FilterError, match="expected a tuple of"):
            check_filter(tree, FIELDS)


def test_a_kind_of_filter_that_no_store_knows_is_refused() -> None:
    class Near(Eq):
        pass

    with pytest.raises(FilterError, match="is not a filter"):
        check_filter(Near("lang", "ru"), FIELDS)
