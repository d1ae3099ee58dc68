"""A search from its beginning to its end: race, front, winner, confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.errors import EvalError
from ragkit.evaluation.search.confirm import Confirmed, confirm, front_of, time_properly
from ragkit.evaluation.search.evaluator import Evaluator
from ragkit.evaluation.search.grid import Candidate, Grid
from ragkit.evaluation.search.hypervolume import hypervolume
from ragkit.evaluation.search.journal import Journal
from ragkit.evaluation.search.objective import Objective
from ragkit.evaluation.search.pareto import most_promising
from ragkit.evaluation.search.prefix import shared_runs
from ragkit.evaluation.search.race import Raced, Round, race
from ragkit.evaluation.search.rules import MOST_CONFIRMED, Rules
from ragkit.evaluation.search.split import Split
from ragkit.evaluation.search.standing import Standing, points
from ragkit.evaluation.search.work import Progress, Work
from ragkit.ingest.progress import silent


@dataclass(frozen=True, slots=True)
class Spent:
    """What the search took, in stage runs.

    Args:
        stage_runs: by this search; what it did before it was stopped counts.
        shared: what it takes to ask every configuration every question, common stages once.
        whole: the same with nothing in common.
    """

    stage_runs: int
    shared: int = field(kw_only=True)
    whole: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search found.

    Args:
        grid: the configurations that were tried.
        objectives: what counted, the first one most.
        standings: all configurations with how they fared in the race.
        front: of the race, those that none is better than, best first by the first objective.
        winner: the first of them.
        baseline: the configuration as it was.
        confirmed: by id: the front and the baseline on the held-out questions.
        hypervolume: of the front in the race, as a share of the box between the worst and the best that
            any configuration showed in each objective.
        rounds, parts, spent: of the race.
        facts: what it takes to make it again.
    """

    grid: Grid
    objectives: tuple[Objective, ...]
    standings: tuple[Standing, ...] = field(kw_only=True, repr=False)
    front: tuple[Standing, ...] = field(kw_only=True, repr=False)
    baseline: Standing = field(kw_only=True, repr=False)
    confirmed: Mapping[str, Confirmed] = field(kw_only=True, repr=False)
    hypervolume: float = field(kw_only=True)
    rounds: tuple[Round, ...] = field(kw_only=True)
    parts: Split = field(kw_only=True, repr=False)
    spent: Spent = field(kw_only=True)
    facts: Mapping[str, Any] = field(kw_only=True, repr=False)

    @property
    def winner(self) -> Standing:
        """The best of the front by the first objective."""
        return self.front[0]

    @property
    def shown_front(self) -> dict[str, int]:
        """Those of the front that were confirmed, by id: their number in tables and drawings."""
        ids = [standing.candidate.id for standing in self.front]
        return {id_: n for n, id_ in enumerate((i for i in ids if i in self.confirmed), start=1)}

    @property
    def winner_is_baseline(self) -> bool:
        """Whether nothing was found that is better."""
        return self.winner.candidate.id == self.baseline.candidate.id


def search(
    grid: Grid,
    parts: Split,
    rules: Rules,
    evaluator: Evaluator,
    *,
    folder: Path,
    facts: Mapping[str, Any],
    progress: Progress = silent,
) -> Findings:
    """Searches a grid and confirms what it found.

    Args:
        grid: the configurations.
        parts: questions to race on and to confirm on.
        rules: of the race.
        evaluator: runs configurations.
        folder: where the journal lies: a search that was stopped goes on from there.
        facts: what the results depend on beside grid, questions and rules: checksums of data and code.
        progress: is told how far it is.

    Raises:
        ConfigError: the budget is too small for the first questions.
        EvalError: the folder is of another search, or no configuration came through.
    """
    facts = {**facts, **_facts(grid, parts, rules)}
    with Journal(folder, facts) as journal:
        work = Work(evaluator, journal, progress)
        raced = race(grid.candidates, parts, rules, work)
        left = raced.left
        if not left:
            raise EvalError(f"none of {len(grid.candidates)} configurations came through: {_why(raced)}")
        if any(objective.is_latency for objective in rules.objectives):
            time_properly(left, parts.race, work)
        baseline = next(s for s in raced.standings if s.candidate is grid.baseline)
        front = front_of(left, rules.objectives, baseline)
        if not front:
            raise EvalError("no configuration that came through could be timed: every question failed")
        chosen = _chosen(front, rules.objectives)
        confirmed = confirm(chosen, baseline, rules.objectives, parts, work, seed=rules.seed)
        n_questions = len(parts.race) + len(parts.held_out)
        return Findings(
            grid,
            rules.objectives,
            standings=raced.standings,
            front=tuple(front),
            baseline=baseline,
            confirmed=confirmed,
            hypervolume=share_of_box(front, raced.standings, rules.objectives),
            rounds=raced.rounds,
            parts=parts,
            spent=Spent(
                work.spent,
                shared=shared_runs(c.stages for c in grid.candidates) * n_questions,
                whole=sum(len(c.stages) for c in grid.candidates) * n_questions,
            ),
            facts=facts,
        )


def share_of_box(
    front: Sequence[Standing], tried: Sequence[Standing], objectives: Sequence[Objective]
) -> float:
    """The hypervolume of a front, 0 to 1, in the box between the worst and the best that was seen."""
    known = [s for s in tried if len(s.means(objectives)) == len(objectives)]
    every = points(known, objectives)
    low, high = every.min(axis=0), every.max(axis=0)
    scaled = (points(front, objectives) - low) / np.where(high > low, high - low, 1.0)
    # Where all are alike in an objective, that one does not count.
    counts = high > low
    return hypervolume(scaled[:, counts], np.zeros(int(counts.sum()))) if counts.any() else 1.0


def _chosen(front: Sequence[Standing], objectives: Sequence[Objective]) -> list[Standing]:
    """What is confirmed: the winner, and of a long front those that span it best."""
    if len(front) <= MOST_CONFIRMED:
        return list(front)
    order = most_promising(points(front, objectives))[: MOST_CONFIRMED - 1]
    return [front[0], *(front[i] for i in sorted(order) if i != 0)]


def _facts(grid: Grid, parts: Split, rules: Rules) -> dict[str, Any]:
    return {
        "format": 1,
        "grid": grid.checksum,
        "configurations": len(grid.candidates),
        "race": list(parts.race),
        "held_out": list(parts.held_out),
        "objectives": [objective.text for objective in rules.objectives],
        "first": rules.first,
        "alpha": rules.alpha,
        "seed": rules.seed,
    }


def _why(raced: Raced) -> str:
    reasons: list[Candidate | str] = [s.why for s in raced.standings if s.why]
    return str(reasons[0]) if reasons else "there was nothing to race"
