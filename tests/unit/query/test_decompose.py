"""The parts of a question, by rules and by a model."""

from __future__ import annotations

import time

import pytest

from ragkit.query.decompose import DecomposeQuery
from ragkit.query.parts import parts_of
from ragkit.text.analyze import Analyzer
from ragkit.types import QueryPlan
from tests.unit.generate.scripted import Scripted
from tests.unit.making import run_context
from tests.unit.query.asked import run, said

TERMS = Analyzer().terms


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Who is older, Ann Lee or Bo Day?", ("Ann Lee", "Bo Day")),
        ("Was Ann Lee or Bo Day born first?", ("Ann Lee", "Bo Day")),
        ("Are River Tamar and Badam River both in the same country?", ("River Tamar", "Badam River")),
        ("What is the difference between the Wick 5 and the Wick 7?", ("Wick 5", "Wick 7")),
        ("How does Beacon differ from Ember?", ("Beacon", "Ember")),
        ("Compare plan Beacon with plan Ember", ("plan Beacon", "plan Ember")),
        ("When is the office open, and who has the key?", ("When is the office open", "who has the key")),
        ("Что дешевле, тариф Beacon или тариф Ember?", ("тариф Beacon", "тариф Ember")),
        ("Чем тариф Beacon отличается от тарифа Ember?", ("тариф Beacon", "тарифа Ember")),
        ("В чём разница между Wick 5 и Wick 7?", ("Wick 5", "Wick 7")),
        ("Сравните Wick 5 и Wick 7", ("Wick 5", "Wick 7")),
        ("Кто утверждает отпуск и сколько дней он длится у стажёра?", ()),
        ("Когда открыт склад и кто выдаёт ключи?", ("Когда открыт склад", "кто выдаёт ключи")),
    ],
)
def test_what_a_question_compares_or_asks_in_a_row(question: str, parts: tuple[str, ...]) -> None:
    assert parts_of(question, TERMS).texts == parts


@pytest.mark.parametrize(
    "question",
    [
        "How long is the warranty of a Wick 5?",
        "Who wrote The Lion, the Witch and the Wardrobe?",
        "For most organisms, what is the dominant system of defense?",
        "Какой срок гарантии на сканер и аккумулятор?",
        "Who founded Apple and when did it open its first shop?",
        "?",
        "",
    ],
)
def test_a_question_of_one_part_has_none(question: str) -> None:
    assert parts_of(question, TERMS).texts == ()


@pytest.mark.parametrize(
    "question",
    [
        f"is {'A ' * 2_000}{'same ' * 400} as",
        f"both {'A ' * 6_000}",
        f"x {': ' * 16_000}",
        "who x, " * 4_500,
    ],
    ids=["same", "both", "colons", "several"],
)
def test_no_question_takes_long(question: str) -> None:
    began = time.process_time()
    parts_of(question, TERMS)
    assert time.process_time() - began < 2.0


def test_parts_are_queries_beside_the_question() -> None:
    ctx = run_context()
    plan = run(DecomposeQuery(), "Who is older, Ann Lee or Bo Day?", ctx)
    assert [(q.text, q.weight) for q in plan.queries[1:]] == [("Ann Lee", 0.5), ("Bo Day", 0.5)]
    assert ctx.trace.facts["kind"] == "alternatives"


def test_a_model_names_the_parts_and_no_more_than_may_be() -> None:
    reply = '{"questions": ["When was Ann Lee born?", "When was Bo Day born?", "Who else?"]}'
    plan = run(DecomposeQuery(llm=Scripted(reply), max=2), "Who is older, Ann Lee or Bo Day?")
    assert said(plan)[1:] == ["When was Ann Lee born?", "When was Bo Day born?"]


@pytest.mark.parametrize("reply", ['{"questions": []}', '{"questions": ["How long is it?"]}'])
def test_one_part_is_no_part(reply: str) -> None:
    plan = QueryPlan.of("How long?")
    assert run(DecomposeQuery(llm=Scripted(reply)), plan) is plan
