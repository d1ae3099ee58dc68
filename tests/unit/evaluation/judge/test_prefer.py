"""Preference: in both orders, and a judge that favours a place finds nothing but ties."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from ragkit.chat import Message
from ragkit.errors import EvalError, ModelTimeoutError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge import Judge, Preferences, judge_cases, prefer
from tests.unit.evaluation.judge.scripted import Rule, ScriptedChat, material
from tests.unit.evaluation.judge.scripted import says as verdict
from tests.unit.evaluation.metrics.making import case, says


def cases(*texts: str) -> list[Case]:
    return [case(reply=says(text), answers=("two years",), id_=f"q{i}") for i, text in enumerate(texts)]


def longer(messages: Sequence[Message]) -> str:
    first, second = len(material(messages, "first")), len(material(messages, "second"))
    return verdict("tie" if first == second else "first" if first > second else "second")


def compared(baseline: list[Case], system: list[Case], rule: Rule) -> Preferences:
    return anyio.run(prefer, baseline, system, Judge(ScriptedChat(rule), rubric="preferred"))


def test_wins_losses_and_ties() -> None:
    found = compared(cases("a", "bbb", "c", "d"), cases("aaa", "b", "c", "dd"), longer)
    assert (found.wins, found.losses, found.ties, found.swayed) == (2, 1, 1, 0)
    assert (found.rate.mean, found.rate.n) == (0.625, 4)
    assert (found.bill.calls, [p.winner for p in found.by_question.values()]) == (
        8,
        ["system", "baseline", "tie", "system"],
    )


def test_a_judge_that_favours_a_place_is_found_out() -> None:
    found = compared(cases("a", "b"), cases("aa", "bb"), lambda _: verdict("first"))
    assert (found.wins, found.losses, found.ties, found.swayed) == (0, 0, 2, 2)


def test_one_failed_verdict_fails_the_pair() -> None:
    def rule(messages: Sequence[Message]) -> str | ModelTimeoutError:
        return ModelTimeoutError("slow") if material(messages, "first") == "b" else longer(messages)

    found = compared(cases("a", "b"), cases("aa", "bb"), rule)
    assert (found.wins, found.failed, found.rate.n, found.rate.failed) == (1, 1, 1, 1)
    assert found.by_question["q1"].winner is None
    assert "slow" in (found.by_question["q1"].error or "")


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(EvalError, match="no question that both"):
        compared(cases("a"), [], longer)
    with pytest.raises(EvalError, match="none of 1 pairs: ModelTimeoutError: slow"):
        compared(cases("a"), cases("b"), lambda _: ModelTimeoutError("slow"))
    with pytest.raises(EvalError, match='rubric="preferred"'):
        anyio.run(prefer, cases("a"), cases("b"), Judge(ScriptedChat(longer)))
    with pytest.raises(EvalError, match=r"use judge\.prefer"):
        anyio.run(judge_cases, cases("a"), Judge(ScriptedChat(longer), rubric="preferred"))
