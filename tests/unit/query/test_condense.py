"""Follow-up questions: what they are searched with, and how they are understood."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ragkit.chat import Completion
from ragkit.errors import ModelUnavailableError
from ragkit.graph.stage import RunContext
from ragkit.query.condense import LEANING, OTHERWISE, CondenseQuery
from ragkit.types import Query, QueryPlan, Turn
from tests.unit.generate.scripted import Scripted
from tests.unit.making import run_context
from tests.unit.stand_ins import WordsOnly

WARRANTY = (Turn("user", "How long is the warranty?"), Turn("assistant", "It lasts 24 months. [1, 2]"))
RUSSIAN = (Turn("user", "Какой срок гарантии?"), Turn("assistant", "Срок — 24 месяца. [1]"))


def condensed(plan: QueryPlan, ctx: RunContext | None = None, **settings: object) -> QueryPlan:
    stage = CondenseQuery(**settings)
    stage.setup(WordsOnly())
    return anyio.run(stage.run, plan, ctx or run_context())


def said(plan: QueryPlan) -> list[tuple[str, float]]:
    return [(query.text, query.weight) for query in plan.queries]


def test_a_question_without_a_history_is_left_as_it_is() -> None:
    plan = QueryPlan.of("And abroad?")
    blank = replace(plan, history=(Turn("user", " "),))
    assert condensed(plan) is plan
    assert condensed(blank, llm=Scripted("never asked")) is blank


def test_what_leans_on_a_turn_is_searched_for_with_it() -> None:
    plan = condensed(QueryPlan.of("And abroad?", history=WARRANTY))
    assert said(plan) == [
        ("And abroad?", 1.0),
        ("How long is the warranty? And abroad?", LEANING[0]),
        ("And abroad? It lasts 24 months.", LEANING[1]),
    ]
    assert plan.understood == "How long is the warranty? And abroad?"


def test_so_it_is_in_russian() -> None:
    plan = condensed(QueryPlan.of("А за границей?", history=RUSSIAN))
    assert said(plan)[1] == ("Какой срок гарантии? А за границей?", LEANING[0])
    assert plan.understood == "Какой срок гарантии? А за границей?"


def test_a_question_with_a_word_of_its_own_takes_the_content_of_the_former_one() -> None:
    plan = condensed(QueryPlan.of("Who pays for it?", history=WARRANTY))
    assert plan.understood == "Who pays for it? (warranty)"
    plan = condensed(QueryPlan.of("Кто её даёт?", history=RUSSIAN))
    assert plan.understood == "Кто её даёт? (срок гарантии)"


def test_a_question_that_stands_alone_is_understood_as_it_is() -> None:
    plan = condensed(QueryPlan.of("What port does the server use?", history=WARRANTY))
    assert [weight for _, weight in said(plan)] == [1.0, *OTHERWISE]
    assert plan.standalone is None


def test_former_questions_are_looked_back_at_while_they_lean() -> None:
    history = (
        Turn("user", "What port does the server use?"),
        Turn("user", "How long is the warranty?"),
        Turn("user", "And abroad?"),
    )
    plan = QueryPlan.of("Who pays for it?", history=history)
    assert said(condensed(plan))[1][0] == "How long is the warranty? And abroad? Who pays for it?"
    assert said(condensed(plan, turns=1))[1][0] == "And abroad? Who pays for it?"


def test_an_abstention_is_not_searched_for() -> None:
    history = (WARRANTY[0], Turn("assistant", "The documents do not answer this question."))
    assert len(condensed(QueryPlan.of("And abroad?", history=history)).queries) == 2


def test_a_model_words_the_question_and_the_one_asked_counts_beside_it() -> None:
    model, ctx = Scripted('{"question": "How long is the warranty abroad?"}'), run_context()
    plan = condensed(QueryPlan.of("And abroad?", history=WARRANTY), ctx, llm=model)
    assert said(plan) == [("And abroad?", 0.3), ("How long is the warranty abroad?", 1.0)]
    assert plan.understood == "How long is the warranty abroad?"
    assert (plan.question, plan.history) == ("And abroad?", WARRANTY)
    facts = ctx.trace.facts
    assert (facts["model"], facts["input_tokens"], facts["usd"]) == ("scripted-1", 90, 0.001)
    assert model.options[0]["schema"]["required"] == ["question"]


@pytest.mark.parametrize(
    "reply", ['{"question": "and  Abroad?"}', '<think>Hm.</think>{"question": "And abroad?"}']
)
def test_a_question_that_the_model_repeats_changes_nothing(reply: str) -> None:
    plan = QueryPlan.of("And abroad?", history=WARRANTY)
    ctx = run_context()
    assert condensed(plan, ctx, llm=Scripted(reply)) is plan
    assert ctx.degraded == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (ModelUnavailableError("it is down"), "ModelUnavailableError: it is down"),
        ("How long is the warranty abroad?", "the reply is no JSON"),
        ('{"question": 5}', "expected string, got number"),
        ('{"query": "x"}', "question is missing"),
        ('{"question": " \\n "}', "the model gave no question"),
        ("[1]", "expected object"),
        (Completion('{"question": "Ho', model="m", finish_reason="length"), "cut at max_tokens"),
        (Completion("", model="m", finish_reason="content_filter"), "the provider's filter withheld"),
    ],
)
def test_a_model_that_fails_leaves_the_plan_as_it_was_and_says_so(
    reply: str | Completion | ModelUnavailableError, why: str
) -> None:
    plan, ctx = QueryPlan.of("And abroad?", history=WARRANTY), run_context()
    assert condensed(plan, ctx, llm=Scripted(reply)) is plan
    assert ctx.degraded[0].startswith("node: left the question as it was: ")
    assert why in ctx.degraded[0]


def test_other_queries_of_the_plan_stay() -> None:
    plan = QueryPlan.of("And abroad?", history=WARRANTY)
    plan = replace(plan, queries=(*plan.queries, Query("mine", "travel", weight=0.7)))
    assert ("travel", 0.7) in said(condensed(plan))
    assert ("travel", 0.7) in said(condensed(plan, llm=Scripted('{"question": "Warranty abroad?"}')))


def test_the_model_is_told_the_conversation_as_data_in_the_questions_language() -> None:
    model = Scripted('{"question": "x"}')
    condensed(QueryPlan.of("А за границей?", history=RUSSIAN), llm=model)
    system, user = model.asked[0]
    assert system.text.startswith("Ты готовишь вопросы для поиска")
    assert '{"role": "assistant", "text": "Срок — 24 месяца."}' in user.text
    assert user.text.endswith("Последний вопрос: А за границей?")
