"""On 121 recorded configurations: a quarter of the work finds nearly all that the whole grid would find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.evaluation.search.budget import Budget
from ragkit.evaluation.search.hypervolume import hypervolume
from ragkit.evaluation.search.objective import Objective, parse_objectives
from ragkit.evaluation.search.pareto import front
from ragkit.evaluation.search.rules import Rules
from ragkit.evaluation.search.search import Findings, search
from ragkit.evaluation.search.split import split
from tests.unit.evaluation.search.recording import recording

OBJECTIVES = parse_objectives("max evidence, min tokens")
SEEDS = 20


def found(
    seed: int, folder: Path, share: float | None = 0.25, objectives: tuple[Objective, ...] = OBJECTIVES
) -> Findings:
    known = recording()
    return search(
        known.grid,
        split(known.documents, held_out=0.3, seed=seed),
        Rules(objectives, budget=Budget(share=share), seed=seed),
        known.evaluator(tuple(objective.metric for objective in objectives)),
        folder=folder / str(seed),
        facts={},
    )


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> list[Findings]:
    folder = tmp_path_factory.mktemp("searches")
    return [found(seed, folder) for seed in range(SEEDS)]


def reached(questions: tuple[str, ...]) -> NDArray[np.float64]:
    """`[configurations, objectives]`, each from the worst to the best of the whole grid, 0 to 1."""
    known = recording()
    columns = [known.questions.index(question) for question in questions]
    means = np.stack(
        [
            objective.gain(1.0) * known.values[objective.metric][:, columns].mean(axis=1)
            for objective in OBJECTIVES
        ],
        axis=1,
    )
    return np.asarray((means - means.min(axis=0)) / np.ptp(means, axis=0))


def share_of_front(findings: Findings, questions: tuple[str, ...], picked_on: tuple[str, ...]) -> float:
    """The hypervolume of what was found, by that of what the whole grid would have found."""
    points, origin = reached(questions), np.zeros(len(OBJECTIVES))
    chosen = [int(standing.candidate.id[1:]) - 1 for standing in findings.front]
    best = front(reached(picked_on))
    return hypervolume(points[chosen], origin) / hypervolume(points[best], origin)


def test_a_quarter_of_the_stage_runs_reaches_95_percent_of_the_hypervolume(searches: list[Findings]) -> None:
    shares, held, spent = [], [], []
    for findings in searches:
        parts = findings.parts
        shares.append(share_of_front(findings, parts.race, parts.race))
        held.append(share_of_front(findings, parts.held_out, parts.race))
        spent.append(findings.spent.stage_runs / findings.spent.whole)
    print(f"hypervolume min {min(shares):.4f} mean {np.mean(shares):.4f}; held out min {min(held):.4f} ")
    print(f"mean {np.mean(held):.4f}; stage runs max {max(spent):.4f}")
    assert max(spent) <= 0.25
    assert min(shares) >= 0.95
    assert np.mean(held) >= 0.95


def test_figures_that_count_are_not_too_good(searches: list[Findings]) -> None:
    """On held-out questions the winner is as good as it is, on average."""
    known = recording()
    picked, confirmed = [], []
    for findings in searches:
        truth = known.values["evidence"][int(findings.winner.candidate.id[1:]) - 1].mean()
        mean = findings.winner.mean(OBJECTIVES[0])
        assert mean is not None
        picked.append(mean - truth)
        confirmed.append(findings.confirmed[findings.winner.candidate.id].figures["evidence"].mean - truth)
    print(f"race {np.mean(picked):+.4f}, held out {np.mean(confirmed):+.4f}")
    assert abs(np.mean(confirmed)) <= 0.01 + 2 * np.std(confirmed) / np.sqrt(SEEDS)


def test_by_one_objective_most_are_shown_to_be_worse_early(tmp_path: Path) -> None:
    findings = found(0, tmp_path, share=None, objectives=parse_objectives("max evidence"))
    asked = [standing.asked for standing in findings.standings if standing.fate == "worse"]
    print(f"{len(asked)} worse, stage runs {findings.spent.stage_runs / findings.spent.whole:.4f}")
    assert sum(n <= 60 for n in asked) > 60
    assert findings.spent.stage_runs <= 0.25 * findings.spent.whole


def test_without_a_budget_only_those_that_are_shown_to_be_worse_leave(tmp_path: Path) -> None:
    findings = found(0, tmp_path, share=None)
    fates = {standing.fate for standing in findings.standings}
    assert fates <= {"racing", "worse"}
    assert share_of_front(findings, findings.parts.race, findings.parts.race) == pytest.approx(1.0, abs=0.02)
