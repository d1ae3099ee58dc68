"""Judging cases: what is asked, what is not, and what becomes of every kind of failure."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from ragkit.chat import ChatModel, Message
from ragkit.errors import ConfigError, EvalError, ModelAuthError, ModelError, ModelTimeoutError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge import (
    Bill,
    Judge,
    JudgeMetric,
    JudgeVerdict,
    ReplyCache,
    judge_cases,
    of_settings,
)
from ragkit.evaluation.measure import measure
from tests.unit.evaluation.judge.scripted import Rule, ScriptedChat, by_words, material
from tests.unit.evaluation.judge.scripted import says as verdict
from tests.unit.evaluation.metrics.making import ABSTAINED, Shelf, case, context, place, says


def answered(text: str, id_: str = "q1", answers: tuple[str, ...] = ("two years",)) -> Case:
    return case(context(place("a"), place("b")), reply=says(text), answers=answers, id_=id_)


def judged(
    *cases: Case, rule: Rule = by_words, cache: ReplyCache | None = None, **options: Any
) -> dict[str, JudgeVerdict]:
    return anyio.run(judge_cases, cases, Judge(ScriptedChat(rule), **options), cache)


def test_each_case_gets_its_verdict_in_order() -> None:
    found = judged(answered("Two years.", "q2"), answered("Two weeks.", "q1"), answered("Ten.", "q3"))
    assert [(id_, v.label, v.score) for id_, v in found.items()] == [
        ("q2", "yes", 1.0),
        ("q1", "partly", 0.5),
        ("q3", "no", 0.0),
    ]
    bill = Bill.of(found.values())
    assert (bill.judged, bill.calls, bill.input_tokens, bill.output_tokens) == (3, 3, 300, 30)
    assert bill.usd == pytest.approx(0.003)


def test_what_speaks_for_itself_is_not_asked() -> None:
    def no_call(_: Sequence[Message]) -> str:
        raise AssertionError("it was asked")

    cases = (
        case(reply=ABSTAINED, is_answerable=False, id_="rightly"),
        case(reply=says("Ten."), is_answerable=False, id_="made up"),
        case(reply=ABSTAINED, answers=("ten",), id_="wrongly"),
        case(reply=says("Ten."), id_="unknown"),
        case(answers=("ten",), id_="retrieval"),
    )
    scores = {id_: v.score for id_, v in judged(*cases, rule=no_call).items()}
    assert scores == {"rightly": 1.0, "made up": 0.0, "wrongly": 0.0, "unknown": None, "retrieval": None}
    for rubric in ("grounded", "relevant"):
        assert judged(cases[0], rule=no_call, rubric=rubric)["rightly"] == JudgeVerdict()


def test_the_judge_sees_the_passages_that_were_read() -> None:
    seen: list[str] = []

    def rule(messages: Sequence[Message]) -> str:
        seen.append(material(messages, "passages"))
        return verdict("yes")

    judged(answered("Two years."), rule=rule, rubric="grounded")
    assert seen == [
        "[1] The warranty lasts two years. It begins on delivery.\n\n"
        "[2] Returns are free of charge. Send them to Riga."
    ]


def test_a_passage_of_an_unknown_document_is_a_failure() -> None:
    lost = answered("Two years.")
    lost = Case(lost.question, judged={}, outcome=lost.outcome, texts=Shelf({}))
    assert "not in the corpus" in (judged(lost, rubric="grounded")["q1"].error or "")


def test_questions_are_judged_in_their_language() -> None:
    def rule(messages: Sequence[Message]) -> str:
        return verdict("yes" if "Ты сверяешь" in messages[0].text else "no")

    one = answered("Два года.")
    russian = Case(
        type(one.question)("q1", "Как долго действует гарантия на товар?", answers=("два года",)),
        judged={},
        outcome=one.outcome,
        texts=one.texts,
    )
    assert judged(russian, rule=rule)["q1"].label == "yes"
    assert judged(russian, rule=rule, language="en")["q1"].label == "no"


@pytest.mark.parametrize(
    "first",
    [
        "Yes.",
        "",
        '{"verdict": "yes"}',
        verdict("maybe"),
        "[1]",
        verdict("yes") + " I hope",
        '{"reason": 1, "verdict": "yes"}',
    ],
)
def test_what_cannot_be_read_is_asked_for_once_more(first: str) -> None:
    def rule(messages: Sequence[Message]) -> str:
        is_repair = len(messages) > 2
        assert not is_repair or "Reply again with one JSON object" in messages[-1].text
        return verdict("no") if is_repair else first

    found = judged(answered("Two years."), rule=rule)["q1"]
    assert (found.label, found.calls) == ("no", 2)
    assert found.usd == pytest.approx(0.002)


def test_what_cannot_be_read_twice_is_a_failure_and_no_score() -> None:
    found = judged(answered("Two years."), rule=lambda _: "Yes!")["q1"]
    assert (found.score, found.label, found.calls) == (None, None, 2)
    assert "InvalidOutputError" in (found.error or "")


def test_a_verdict_in_a_fence_is_read() -> None:
    assert judged(answered("x"), rule=lambda _: f"```json\n{verdict('yes')}\n```")["q1"].score == 1.0


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_verdict_that_is_cut_or_withheld_is_a_failure(reason: Any) -> None:
    judge = Judge(ScriptedChat(by_words, reason=reason))
    found = anyio.run(judge_cases, [answered("Two years.")], judge)["q1"]
    assert found.is_failed
    assert found.calls == 1


def test_a_call_that_failed_took_nobody_knows_what() -> None:
    found = judged(answered("Two years."), rule=lambda _: ModelTimeoutError("slow"))["q1"]
    assert found == JudgeVerdict(error="ModelTimeoutError: slow", calls=1)
    assert Bill.of([found]).usd is None


def test_what_a_model_of_ones_own_raises_is_counted_and_ends_nothing() -> None:
    def rule(messages: Sequence[Message]) -> str:
        if "weeks" in material(messages, "answer"):
            raise TimeoutError("slow")
        return by_words(messages)

    found = judged(answered("Two weeks.", "q1"), answered("Two years.", "q2"), rule=rule)
    assert (found["q1"].error, found["q2"].score) == ("TimeoutError: slow", 1.0)


def test_a_refused_key_ends_it_at_once() -> None:
    model = ScriptedChat(lambda _: ModelAuthError("wrong key"))
    cases = [answered(f"{i} years.", f"q{i}") for i in range(100)]
    with pytest.raises(ModelAuthError, match="wrong key"):
        anyio.run(judge_cases, cases, Judge(model, concurrency=4))
    assert len(model.asked) <= 4


def test_only_so_many_are_asked_at_a_time() -> None:
    model = ScriptedChat(by_words)
    cases = [answered(f"{i} years.", f"q{i}") for i in range(50)]
    anyio.run(judge_cases, cases, Judge(model, concurrency=3))
    assert model.most_at_once == 3


def test_equal_cases_are_asked_about_once() -> None:
    model = ScriptedChat(by_words)
    cases = [answered("Two years.", f"q{i}") for i in range(20)]
    found = anyio.run(judge_cases, cases, Judge(model))
    assert len(model.asked) == 1
    assert Bill.of(found.values()).cached == 19


def test_with_the_cache_nothing_is_asked_again(tmp_path: Path) -> None:
    model = ScriptedChat(lambda messages: "Yes!" if "7 years" in messages[1].text else by_words(messages))
    cases = [answered(f"{i} years.", f"q{i}") for i in range(10)]
    runs = []
    for _ in range(2):
        with ReplyCache(tmp_path / "sub" / "judge.sqlite") as cache:
            runs.append(anyio.run(judge_cases, cases, Judge(model), cache))
    assert len(model.asked) == 11  # one was repaired in vain
    assert [(v.label, v.error, v.usd) for v in runs[0].values()] == [
        (v.label, v.error, v.usd) for v in runs[1].values()
    ]
    assert Bill.of(runs[1].values()).cached == 11


def test_another_model_rubric_or_answer_is_asked_for(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        one, other = ScriptedChat(by_words), ScriptedChat(by_words, fingerprint="other")

        async def ask() -> None:
            await judge_cases([answered("Two years.")], Judge(one), cache)
            await judge_cases([answered("Two years.")], Judge(other), cache)
            await judge_cases([answered("Two years.")], Judge(one, language="ru"), cache)
            await judge_cases([answered("2 years.")], Judge(one), cache)

        anyio.run(ask)
    assert (len(one.asked), len(other.asked)) == (3, 1)


def test_a_timeout_is_asked_for_again_and_not_kept(tmp_path: Path) -> None:
    faults: list[str | ModelError] = [ModelTimeoutError("slow"), verdict("yes")]
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        model = ScriptedChat(lambda _: faults.pop(0))
        for expected in (None, 1.0):
            assert anyio.run(judge_cases, [answered("x")], Judge(model), cache)["q1"].score == expected


def test_with_more_room_what_was_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        cut, whole = ScriptedChat(by_words, reason="length"), ScriptedChat(by_words)
        for model, room, failed in ((cut, 16, True), (whole, 16, True), (whole, 512, False)):
            judge = Judge(model, max_tokens=room)
            assert anyio.run(judge_cases, [answered("x")], judge, cache)["q1"].is_failed is failed


def test_a_cache_that_fails_on_the_way_is_told_as_it_is(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "judge.sqlite")
    cache.close()
    with pytest.raises(EvalError, match="cannot be used"):
        anyio.run(judge_cases, [answered("x")], Judge(ScriptedChat(by_words)), cache)


def test_a_file_that_is_no_cache_is_told(tmp_path: Path) -> None:
    (tmp_path / "judge.sqlite").write_bytes(b"x" * 5000)
    with pytest.raises(EvalError, match="delete the file"):
        ReplyCache(tmp_path / "judge.sqlite")


KILLED = """
import sys, time
import anyio
from pathlib import Path
from ragkit.evaluation.judge import Judge, ReplyCache, judge_cases
from tests.unit.evaluation.judge.scripted import ScriptedChat, by_words
from tests.unit.evaluation.judge.test_judge import answered

def slow(messages):
    with open(sys.argv[2], "a") as log:
        log.write(".")
    time.sleep(0.004)
    return by_words(messages)

cases = [answered(f"{i} years.", f"q{i}") for i in range(60)]
with ReplyCache(sys.argv[1]) as cache:
    found = anyio.run(judge_cases, cases, Judge(ScriptedChat(slow), concurrency=1), cache)
print([(id_, v.label) for id_, v in found.items()])
"""


@pytest.mark.slow
def test_after_kills_the_verdicts_are_the_same_and_no_call_is_repeated(tmp_path: Path) -> None:
    """Ten kills at random points: at most the call that was under way is made again."""
    log, rng = tmp_path / "calls", random.Random(3)
    argv = [sys.executable, "-c", KILLED, str(tmp_path / "judge.sqlite"), str(log)]
    kills, printed = 0, ""
    for _ in range(40):
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[4])
        before = log.stat().st_size if log.exists() else 0
        until = time.monotonic() + 20.0
        while process.poll() is None and time.monotonic() < until:
            if kills < 10 and log.exists() and log.stat().st_size > before + rng.randint(1, 4):
                process.kill()
                kills += 1
                break
            time.sleep(0.001)
        printed, _ = process.communicate()
        if process.returncode == 0:
            break
    assert kills > 0
    assert printed.count("'no'") + printed.count("'partly'") == 60
    assert log.stat().st_size <= 60 + kills


def test_failed_verdicts_are_counted_and_in_no_mean() -> None:
    def rule(messages: Sequence[Message]) -> str | ModelError:
        return ModelTimeoutError("slow") if "2 years" in messages[1].text else verdict("yes")

    cases = [answered(f"{i} years.", f"q{i}") for i in range(4)]
    metric = JudgeMetric("judge.correct", judge=Judge(ScriptedChat(rule)))
    asked = anyio.run(metric.asked, cases)
    figure = measure(cases, {"q9": "down"}, [asked]).figures["judge.correct"]
    assert (figure.mean, figure.n, figure.failed) == (1.0, 3, 2)
    unasked = measure(cases, {}, [metric]).unmeasured["judge.correct"]
    assert "not asked" in unasked


@pytest.mark.slow
def test_with_faults_at_random_the_interval_holds_the_truth() -> None:
    """In 500 trials up to half of the calls fail: in 93 % or more the interval holds the true rate."""
    hits, trials, truth, n = 0, 500, 0.7, 60
    for trial in range(trials):
        rng = random.Random(trial)
        rate, right = rng.uniform(0.0, 0.5), {f"q{i}": rng.random() < truth for i in range(n)}
        cases = [answered(f"Two years, {id_}." if ok else f"Ten, {id_}.", id_) for id_, ok in right.items()]
        metric = JudgeMetric("judge.correct", judge=Judge(ScriptedChat(partial(faulty, trial, rate))))
        figure = measure(cases, {}, [anyio.run(metric.asked, cases)], seed=trial).figures["judge.correct"]
        assert figure.n + figure.failed == n
        assert figure.low is not None
        assert figure.high is not None
        hits += figure.low <= truth <= figure.high
    assert hits >= 0.93 * trials


def faulty(trial: int, rate: float, messages: Sequence[Message]) -> str | ModelError:
    rng = random.Random(f"{trial} {messages[1].text}")
    if rng.random() < rate:
        return "garbage" if rng.random() < 0.5 else ModelTimeoutError("slow")
    return by_words(messages)


def test_settings_of_a_suite() -> None:
    model = ScriptedChat(by_words)
    models: dict[object, ChatModel] = {"large": model}
    metric = of_settings("strict", {"model": "large", "rubric": "grounded"}, lambda ref: models[ref])
    assert (metric.name, metric.judge.model, sorted(metric.needs)) == (
        "judge.strict",
        model,
        ["context", "reply"],
    )
    for wrong, told in (
        ({"model": "large", "rubrik": "x"}, "rubrik"),
        ({"model": "large", "rubric": "korrect"}, "Did you mean 'correct'"),
        ({"model": "large", "rubric": "no.yaml"}, "cannot be read"),
        ({}, "model: missing"),
    ):
        with pytest.raises(ConfigError, match=told):
            of_settings("strict", wrong, lambda ref: models[ref])


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    cases = [answered(f"{i}", f"q{i}") for i in range(3)]
    call = partial(judge_cases, progress=lambda done, of: seen.append((done, of)))
    anyio.run(call, cases, Judge(ScriptedChat(by_words)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
