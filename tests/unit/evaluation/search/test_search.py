"""A search from end to end over recorded results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.errors import ConfigError, EvalError, ModelError
from ragkit.evaluation.search.budget import Budget, parse_budget
from ragkit.evaluation.search.evaluator import Block
from ragkit.evaluation.search.grid import Candidate
from ragkit.evaluation.search.journal import Journal
from ragkit.evaluation.search.objective import parse_objectives
from ragkit.evaluation.search.page import search_page, search_svg
from ragkit.evaluation.search.rules import Rules, looks
from ragkit.evaluation.search.search import Findings, search
from ragkit.evaluation.search.split import Split, split
from ragkit.evaluation.search.written import search_json
from tests.unit.evaluation.search.recorded import Recorded, grid_of

N = 200
QUESTIONS = [f"q{n}" for n in range(N)]


def parts(seed: int = 0) -> Split:
    return split({question: [f"d of {question}"] for question in QUESTIONS}, held_out=0.4, seed=seed)


def quality(*levels: float, seed: int = 0) -> NDArray[np.float64]:
    """Configurations of these qualities, on questions that are harder and easier for all of them."""
    generator = np.random.default_rng(seed)
    hard = generator.normal(size=N) * 0.2
    return np.stack([level + hard + generator.normal(size=N) * 0.05 for level in levels])


def run(folder: Path, evaluator: Any, n: int, objective: str = "max good", **rules: Any) -> Findings:
    grid = grid_of([["shared", f"own {k}"] for k in range(n)], baseline=n - 1)
    made = Rules(parse_objectives(objective), **{"first": 20, **rules})
    return search(grid, parts(), made, evaluator, folder=folder, facts={"data": "made up"})


def fates(findings: Findings) -> list[str]:
    return [standing.fate for standing in findings.standings]


def test_the_best_one_wins_and_is_confirmed_apart(tmp_path: Path) -> None:
    findings = run(tmp_path, Recorded({"good": quality(0.3, 0.7, 0.5)}, QUESTIONS), 3)
    confirmed = findings.confirmed["c002"]
    assert findings.winner.candidate.id == "c002"
    assert set(findings.confirmed) == {"c002", "c003"}
    assert confirmed.figures["good"].n == len(findings.parts.held_out) == 80
    assert confirmed.changes["good"].mean == pytest.approx(0.2, abs=0.03)
    assert confirmed.p_holm["good"] < 0.01


def test_who_is_shown_to_be_worse_is_asked_no_more(tmp_path: Path) -> None:
    findings = run(tmp_path, Recorded({"good": quality(0.3, 0.7, 0.5)}, QUESTIONS), 3)
    assert fates(findings) == ["worse", "racing", "worse"]
    assert [standing.asked for standing in findings.standings] == [20, 120, 20]
    assert findings.standings[0].why == "worse than c002 after 20 questions"


def test_the_same_configurations_all_come_through(tmp_path: Path) -> None:
    same = np.repeat(quality(0.5), 4, axis=0)
    findings = run(tmp_path, Recorded({"good": same}, QUESTIONS), 4)
    assert fates(findings) == ["racing"] * 4
    assert findings.winner_is_baseline  # of those that come to the same, there is no reason to change
    assert len(findings.front) == 1


def test_a_budget_sets_aside_and_says_so(tmp_path: Path) -> None:
    levels = quality(*np.linspace(0.5, 0.52, 12))
    findings = run(tmp_path, Recorded({"good": levels}, QUESTIONS), 12, budget=Budget(share=0.3))
    assert findings.spent.stage_runs <= 0.3 * findings.spent.whole
    aside = [standing for standing in findings.standings if standing.fate == "set aside"]
    assert aside
    assert all("less promising" in standing.why and not standing.beaten_by for standing in aside)


def test_a_budget_that_cannot_be_kept_is_refused_before_anything_runs(tmp_path: Path) -> None:
    evaluator = Recorded({"good": quality(*[0.5] * 12)}, QUESTIONS)
    with pytest.raises(ConfigError, match="a budget of 100 stage runs: to ask 12 conf"):
        run(tmp_path, evaluator, 12, budget=Budget(stage_runs=100))
    assert evaluator.calls == []


def test_a_dear_and_good_one_and_a_cheap_one_are_both_on_the_front(tmp_path: Path) -> None:
    cost = np.array([[9.0], [2.0], [9.0]]) + np.zeros((3, N))
    evaluator = Recorded({"good": quality(0.8, 0.5, 0.4), "cost": cost}, QUESTIONS)
    findings = run(tmp_path, evaluator, 3, "max good, min cost")
    assert [standing.candidate.id for standing in findings.front] == ["c001", "c002"]
    assert findings.standings[2].fate == "worse"


def test_a_slow_one_does_not_push_out_a_fast_one(tmp_path: Path) -> None:
    times = np.array([[0.9], [0.1], [1.0]]) + np.zeros((3, N))
    evaluator = Recorded({"good": quality(0.8, 0.5, 0.4)}, QUESTIONS, times=times)
    findings = run(tmp_path, evaluator, 3, "max good, min latency.p95")
    assert [standing.candidate.id for standing in findings.front] == ["c001", "c002"]
    assert fates(findings) == ["racing", "racing", "worse"]
    assert len(findings.standings[0].seconds) == 50
    assert findings.confirmed["c002"].figures["latency.p95"].mean == pytest.approx(0.1)


def test_one_that_fails_leaves_and_is_no_zero(tmp_path: Path) -> None:
    evaluator = Recorded({"good": quality(0.3, 0.7, 0.5)}, QUESTIONS, fails=["c002"])
    findings = run(tmp_path, evaluator, 3)
    failing = findings.standings[1]
    assert (failing.fate, failing.why) == ("failing", "20 of 20 questions failed: ModelError: down")
    assert findings.winner.candidate.id == "c003"
    assert "race" in search_json(findings)["configurations"][1]
    assert search_json(findings)["configurations"][1]["race"] == {}


def test_when_all_fail_it_says_why(tmp_path: Path) -> None:
    evaluator = Recorded({"good": quality(0.3, 0.7)}, QUESTIONS, fails=["c001", "c002"])
    with pytest.raises(EvalError, match=r"none of 2 conf.* came through: 20 of 20 .*ModelError: down"):
        run(tmp_path, evaluator, 2)


class Broken(Recorded):
    """Its first configuration cannot be opened."""

    def evaluate(self, candidate: Candidate, questions: Sequence[str]) -> Block:
        if candidate.id == "c001":
            raise ModelError("no such model")
        return super().evaluate(candidate, questions)


def test_one_that_cannot_be_opened_leaves_and_is_tried_again_next_time(tmp_path: Path) -> None:
    values = {"good": quality(0.9, 0.7, 0.5)}
    findings = run(tmp_path, Broken(values, QUESTIONS), 3)
    assert findings.standings[0].why == "20 of 20 questions failed: ModelError: no such model"
    assert findings.winner.candidate.id == "c002"
    assert run(tmp_path, Recorded(values, QUESTIONS), 3).winner.candidate.id == "c001"


def test_a_budget_of_time_decides_once(tmp_path: Path) -> None:
    """What the clock decided is kept, so that a search that goes on takes the same way."""
    values = {"good": quality(*np.linspace(0.5, 0.52, 12))}
    budget = Budget(seconds=1e-6)
    first = run(tmp_path, Recorded(values, QUESTIONS), 12, budget=budget)
    assert fates(first).count("set aside") == 10  # two always go on
    again = Recorded(values, QUESTIONS)
    assert stable(run(tmp_path, again, 12, budget=budget)) == stable(first)
    assert again.calls == []


def test_nothing_better_than_what_there_was_is_said(tmp_path: Path) -> None:
    findings = run(tmp_path, Recorded({"good": quality(0.3, 0.7)}, QUESTIONS), 2)
    assert findings.winner_is_baseline
    assert "Nothing was found that is better" in search_page(findings, "A search")


class Killed(Recorded):
    """Dies in the middle of the n-th call."""

    def __init__(self, *args: Any, dies_at: int) -> None:
        super().__init__(*args)
        self.dies_at = dies_at

    def evaluate(self, candidate: Candidate, questions: Sequence[str]) -> Block:
        if len(self.calls) == self.dies_at:
            raise KeyboardInterrupt
        return super().evaluate(candidate, questions)


def stable(findings: Findings) -> Mapping[str, Any]:
    return {key: value for key, value in search_json(findings).items() if key != "spent"}


@pytest.mark.parametrize("dies_at", [0, 1, 5, 8])
def test_a_killed_search_goes_on_and_asks_nothing_twice(tmp_path: Path, dies_at: int) -> None:
    values = {"good": quality(0.5, 0.51, 0.52, 0.5)}
    whole = Recorded(values, QUESTIONS)
    expected = stable(run(tmp_path / "whole", whole, 4))
    killed = Killed(values, QUESTIONS, dies_at=dies_at)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", killed, 4)
    rest = Recorded(values, QUESTIONS)
    assert stable(run(tmp_path / "killed", rest, 4)) == expected
    assert killed.calls + rest.calls == whole.calls


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    values = {"good": quality(0.3, 0.7)}
    expected = stable(run(tmp_path, Recorded(values, QUESTIONS), 2))
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    again = Recorded(values, QUESTIONS)
    assert stable(run(tmp_path, again, 2)) == expected
    assert len(again.calls) == 1


def test_another_search_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Recorded({"good": quality(0.3, 0.7)}, QUESTIONS), 2)
    with pytest.raises(EvalError, match=r"is of another search \(seed: 0 there, 5 now\)"):
        run(tmp_path, Recorded({"good": quality(0.3, 0.7)}, QUESTIONS), 2, seed=5)


class Cached(Recorded):
    """Another search has run all of it before."""

    def evaluate(self, candidate: Candidate, questions: Sequence[str]) -> Block:
        return replace(super().evaluate(candidate, questions), stage_runs=0)


def test_a_warm_cache_changes_no_decision(tmp_path: Path) -> None:
    values, budget = {"good": quality(*np.linspace(0.5, 0.52, 12))}, Budget(share=0.3)
    cold = run(tmp_path / "cold", Recorded(values, QUESTIONS), 12, budget=budget)
    warm = run(tmp_path / "warm", Cached(values, QUESTIONS), 12, budget=budget)
    assert search_json(warm) == search_json(cold)
    assert "set aside" in fates(warm)


def test_a_larger_budget_goes_on_from_what_is_known(tmp_path: Path) -> None:
    values = {"good": quality(*np.linspace(0.5, 0.52, 12))}
    run(tmp_path, Recorded(values, QUESTIONS), 12, budget=Budget(share=0.3))
    more = Recorded(values, QUESTIONS)
    run(tmp_path, more, 12, budget=Budget())
    assert not any(n == 20 for _, n in more.calls[:12])


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    values = {"good": quality(0.5, 0.52, 0.51), "cost": quality(3.0, 2.0, 1.0)}
    runs = [run(tmp_path / str(n), Recorded(values, QUESTIONS), 3, "max good, min cost") for n in range(2)]
    first, second = (json.dumps(search_json(one)) + search_page(one, "t") + search_svg(one) for one in runs)
    assert first == second


def test_looks_double() -> None:
    assert looks(210, 20) == [20, 40, 80, 160, 210]
    assert looks(90, 20) == [20, 40, 90]
    assert looks(15, 20) == [15]


def test_questions_that_share_a_document_stay_together() -> None:
    made = split({f"q{n}": [f"d{n // 3}"] for n in range(90)}, held_out=0.3, seed=1)
    assert not {made.clusters[q] for q in made.race} & {made.clusters[q] for q in made.held_out}
    assert len(made.held_out) == 27
    assert made.note == ""


def test_one_document_in_all_questions_is_no_reason_to_stop() -> None:
    made = split({f"q{n:02}": [f"d{n:02}", "everywhere"] for n in range(60)}, held_out=0.3, seed=1)
    assert len(made.held_out) == 18
    assert "first relevant document alone" in made.note


def test_questions_about_one_document_alone_are_split_with_a_warning() -> None:
    made = split({f"q{n:02}": ["everywhere"] for n in range(60)}, held_out=0.3, seed=1)
    assert len(made.held_out) == 18
    assert "the parts are not independent" in made.note


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(EvalError, match="15 questions make 11 to race on and 4 to confirm on"):
        split({f"q{n}": [] for n in range(15)}, held_out=0.3, seed=0)


@pytest.mark.parametrize("text", ["", "0%", "120%", "-5", "2 weeks", "0s", "1e5"])
def test_a_budget_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a share of the whole grid, stage runs, a time, or none"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nDCG@10", "expected max or min"),
        ("max nDCG@10, max nDCG@10", "named twice"),
        ("min latency.p95", "of time alone"),
        ("max F1, max latency.p95", "less time is better"),
        ("max F1, min latency.p100", "expected latency.mean, or latency.p1 to latency.p99"),
    ],
)
def test_objectives_that_make_no_sense(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_objectives(text)


def test_the_page_loads_nothing_and_escapes_labels(tmp_path: Path) -> None:
    findings = run(tmp_path, Recorded({"good": quality(0.5, 0.6)}, QUESTIONS), 2)
    page = search_page(findings, "<script>alert(1)</script>")
    assert "<script" not in page
    assert "src=" not in page
    assert "@import" not in page
    assert "url(" not in page


@pytest.mark.parametrize("lines", ["[1]\n", '{"seed": 0}\n{"a": 1}\n'])
def test_a_journal_of_something_else_is_refused(tmp_path: Path, lines: str) -> None:
    (tmp_path / "journal.jsonl").write_text(lines)
    with pytest.raises(EvalError, match="no line of a search's journal"):
        Journal(tmp_path, {"seed": 0})


def test_a_journal_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("{}\nnothing\n")
    with pytest.raises(EvalError, match=r"journal\.jsonl:2: not JSON"):
        Journal(tmp_path, {})


def test_a_share_of_few_configurations_is_at_least_what_the_first_questions_take(tmp_path: Path) -> None:
    findings = run(tmp_path, Recorded({"good": quality(0.5, 0.9)}, QUESTIONS), 2, budget=Budget(share=0.01))
    assert findings.spent.stage_runs > 0.01 * findings.spent.whole
    assert [standing.candidate.id for standing in findings.front] == ["c002"]
