from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import GraphError
from ragkit.filters import Eq
from ragkit.graph.condition import always_one, never_two
from ragkit.graph.when import When
from ragkit.types import Query, QueryPlan, Turn

PLAIN = QueryPlan.of("How do I compare two plans?")
RICH = dataclasses.replace(
    QueryPlan.of(
        "Как сравнить два тарифа?",
        tenant="acme",
        acl=["staff", "sales"],
        filter=Eq("lang", "ru"),
        history=[Turn("user", "hello")],
    ),
    queries=(Query("q", "a"), Query("r", "b")),
    commit=7,
)


@pytest.mark.parametrize(
    ("text", "plain", "rich"),
    [
        ("history", False, True),
        ("not history", True, False),
        ("tenant", False, True),
        ("filter and acl", False, True),
        ("question", True, True),
        ("len(queries) > 1", False, True),
        ("len(queries) <= 1", True, False),
        ("1 < len(queries) < 3", False, True),
        ("len(question) >= 27", True, False),
        ("lang(question) == 'ru'", False, True),
        ('lang(question) != "ru"', True, False),
        ("'compare' in question", True, False),
        ("'compare' not in question", False, True),
        ("tenant in ['acme', 'zenith']", False, True),
        ("not tenant in ['acme', 'zenith']", True, False),
        ("'staff' in acl", False, True),
        ("tenant == 'acme' or 'compare' in question", True, True),
        ("tenant == 'acme' and (history or true)", False, True),
        ("tenant < 'b'", False, True),
        ("tenant >= 'a'", False, True),
        ("commit == 7", False, True),
        ("commit > -1", False, True),
        ("len(acl) == 2", False, True),
        ("true", True, True),
        ("false or False", False, False),
        ("  history\n", False, True),
    ],
)
def test_a_condition_is_asked_of_the_plan(text: str, plain: bool, rich: bool) -> None:
    assert (When.parse(text).holds(PLAIN), When.parse(text).holds(RICH)) == (plain, rich)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a condition, for example: when: history"),
        ("histroy", r"unknown name 'histroy'. Did you mean 'history'\? Names: question, queries"),
        ("question ==", "cannot be read"),
        ("history; tenant", "cannot be read"),
        ("question.upper()", r"'question.upper\(\)' is not part of the language"),
        ("__import__('os').system('true')", "is not part of the language"),
        ("[q for q in queries]", "is not part of the language"),
        ("(lambda: true)()", "is not part of the language"),
        ("queries[0]", "is not part of the language"),
        ("question + 'a' == 'b'", "is not part of the language"),
        ("f'{question}' == 'b'", "is not part of the language"),
        ("tenant is 'acme'", "write == or !=, not `is`"),
        ("tenant == None", "'None' is not part of the language"),
        ("queries > 1", r"queries is a sequence of queries and 1 a number.*Did you mean len\(queries\)\?"),
        ("question == 3", "question is a text and 3 a number"),
        ("'a' in queries", "'a' is a text and queries a sequence of queries"),
        ("len(commit) == 3", r"len\(\) does not take a number"),
        ("lang(history) == 'ru'", r"lang\(\) does not take a sequence of turns"),
        ("tenant in [question]", "a list may hold texts, numbers, true and false only"),
        ("question == 'a\\n'", "a backslash is not part of the language"),
        ("not " * 200 + "history", "longer than 500 characters"),
        ("(" * 240 + "history" + ")" * 240, "cannot be read"),
        ("len(question, 2)", "is not part of the language"),
    ],
)
def test_what_is_not_in_the_language_is_explained(text: str, said: str) -> None:
    with pytest.raises(GraphError, match=said):
        When.parse(text)


@pytest.mark.parametrize("plan", [None, "text", 3, object()])
def test_of_what_is_no_plan_nothing_is_there(plan: object) -> None:
    assert not When.parse("question or history or len(queries) > 0 or lang(question) == 'en'").holds(plan)


terms = st.sampled_from(
    [
        "question",
        "queries",
        "history",
        "tenant",
        "acl",
        "filter",
        "commit",
        "'a'",
        "3",
        "-1.5",
        "true",
        "['a', 2]",
        "len(queries)",
        "len(tenant)",
        "lang(question)",
        "lang(tenant)",
        "nobody",
    ]
)
comparisons = st.builds(
    lambda a, op, b: f"{a} {op} {b}",
    terms,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is"]),
    terms,
)
expressions = st.recursive(
    terms | comparisons,
    lambda inner: st.builds(
        lambda a, op, b: f"({a} {op} {b})", inner, st.sampled_from(["and", "or", "and not"]), inner
    ),
    max_leaves=6,
)
texts = st.text("aя \n", max_size=6)
plans = st.builds(
    QueryPlan,
    texts,
    queries=st.lists(st.builds(Query, texts, texts), max_size=3).map(tuple),
    tenant=st.none() | texts,
    acl=st.none() | st.lists(texts, max_size=2).map(tuple),
    commit=st.none() | st.integers(-2, 9),
)


@given(expressions | st.text(max_size=30), plans)
def test_every_text_is_refused_or_has_a_truth_for_every_plan(text: str, plan: QueryPlan) -> None:
    try:
        when = When.parse(text)
    except GraphError:
        return
    assert when.holds(plan) in (True, False)
    if len(text) < 400:
        assert When.parse(f"not ({text})").holds(plan) is not when.holds(plan)


@given(expressions, expressions, plans)
def test_no_plan_contradicts_what_is_said_of_all_plans(one: str, two: str, plan: QueryPlan) -> None:
    try:
        whens = [When.parse(one), When.parse(two), When.parse(f"not ({one})")]
    except GraphError:
        return
    conditions = [when.condition for when in whens]
    assert always_one([conditions[0], conditions[2]])
    assert never_two([conditions[0], conditions[2]])
    truths = [when.holds(plan) for when in whens[:2]]
    assert any(truths) or not always_one(conditions[:2])
    assert not all(truths) or not never_two(conditions[:2])


@pytest.mark.parametrize(
    ("one", "two", "covers", "excludes"),
    [
        ("history", "not history", True, True),
        ("len(queries) > 1", "len(queries) <= 1", True, True),
        ("len(queries) >= 2", "len(queries) < 2", True, True),
        ("tenant == 'a'", "tenant != 'a'", True, True),
        ("tenant in ['a']", "tenant not in ['a']", True, True),
        ("history and tenant", "not history or not tenant", True, True),
        ("history", "true", True, False),
        ("history", "false", False, True),
        ("tenant < 'b'", "tenant >= 'b'", False, False),
        ("history", "tenant", False, False),
        ("lang(question) == 'ru'", "lang(question) == 'en'", False, False),
    ],
)
def test_cases_are_weighed_whatever_the_plan(one: str, two: str, covers: bool, excludes: bool) -> None:
    # An unset tenant is neither below 'b' nor above it, so these two are no opposites.
    conditions = [When.parse(one).condition, When.parse(two).condition]
    assert (always_one(conditions), never_two(conditions)) == (covers, excludes)


def test_too_many_questions_count_as_undecided() -> None:
    many = " or ".join(f"'{letter}' in question" for letter in "abcdefghi")
    conditions = [When.parse(many).condition, When.parse(f"not ({many})").condition]
    assert not always_one(conditions)
    assert not never_two(conditions)
