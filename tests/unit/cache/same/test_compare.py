"""Questions that differ in one thing, in English and Russian."""

from __future__ import annotations

import json

import pytest

from ragkit.cache.same.compare import difference
from tests.conftest import ROOT

PAIRS = [
    json.loads(line)
    for line in (ROOT / "evals" / "semantic_pairs.jsonl").read_text(encoding="utf-8").splitlines()
]
# Which thing is meant, words alone do not tell: there the vectors must be far enough apart.
BY_VECTORS = {"thing", "same"}
UNNAMED = {"what is the price in poland?"}


def kind(pair: dict[str, str]) -> str:
    return f"{pair['kind']}-{pair['id']}"


@pytest.mark.parametrize(
    "pair", [p for p in PAIRS if p["kind"] not in BY_VECTORS and p["q1"] not in UNNAMED], ids=kind
)
def test_one_difference_that_matters_makes_two_questions(pair: dict[str, str]) -> None:
    assert difference(pair["q1"], pair["q2"]) is not None
    assert difference(pair["q2"], pair["q1"]) is not None


@pytest.mark.parametrize("pair", [p for p in PAIRS if p["same"]], ids=kind)
def test_another_wording_is_the_same_question(pair: dict[str, str]) -> None:
    assert difference(pair["q1"], pair["q2"]) is None
    assert difference(pair["q2"], pair["q1"]) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What does E-1042 mean?", "What does e 1042 mean?"),
        ("Is it sold in the United States?", "Is it sold in the US?"),
        ("Is it sold in the European Union?", "Is it sold in the EU?"),
        ("What happens after two years?", "What happens after 24 months?"),
        ("Is 1,000 the limit?", "Is 1000 the limit?"),
        ("Когда откроется ещё один склад?", "Когда откроется еще один склад?"),
        ("HOW LONG IS THE WARRANTY?", "How long is the warranty?"),
    ],
)
def test_one_thing_in_two_spellings_is_one(one: str, other: str) -> None:
    assert difference(one, other) is None
    assert difference(other, one) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Which orders are free of charge?", "Which orders are free of charge in 2025?"),
        ("Is overtime paid at night?", "Is overtime not paid at night?"),
        ("Can a manager approve it?", "Can another manager approve it?"),
        ("Who approves refunds besides Anna?", "Who approves refunds?"),
        ("What is the strongest force?", "What force is there besides the strongest?"),
        ("Какой тариф выбрать в Казани?", "Какой тариф выбрать?"),
    ],
)
def test_what_only_one_of_them_says_makes_two(one: str, other: str) -> None:
    assert difference(one, other) is not None
    assert difference(other, one) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many requests per minute are allowed?", "How many requests per hour are allowed?"),
        ("Are weekly backups kept?", "Are daily backups kept?"),
        ("Who is the first approver?", "Who is the second approver?"),
        ("What is the upper limit?", "What is the lower limit?"),
        ("What is the gross salary?", "What is the net salary?"),
        ("How do I upgrade the server?", "How do I downgrade the server?"),
        ("how do i install it on windows?", "how do i install it on linux?"),
        ("When did the north office open?", "When did the south office open?"),
        ("Сколько запросов разрешено в минуту?", "Сколько запросов разрешено в час?"),
        ("Где первый склад?", "Где второй склад?"),
    ],
)
def test_another_member_of_a_series_makes_two(one: str, other: str) -> None:
    assert difference(one, other) is not None
    assert difference(other, one) is not None
