"""The race: all configurations on a few questions, the better ones on more, until the questions are through.

Questions come in blocks, each as large as all before it together. After each, a configuration leaves

- if it is shown to be worse than another one: see `dominance`, at `alpha` divided by the number of looks, so
  that over the whole race the probability of calling any configuration worse than its equal is `alpha` at
  most. That is the race of Maron and Moore, "Hoeffding races", NIPS 1993, and of Birattari, Stützle, Paquete
  and Varrentrapp, "A racing algorithm for configuring metaheuristics", GECCO 2002 (F-Race), with a test that
  holds for all pairs together and for several objectives;
- if the budget does not suffice to take all to the end: then the most promising go on, as many as an equal
  part of the budget for each round allows. That is successive halving: Jamieson and Talwalkar,
  "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016. Who is set
  aside like that is not shown to be worse, and no table says so.

Time is no part of the test. Where it is an objective, every configuration is asked a few questions alone
before the race. One may be called worse only than one that took at most a quarter more time; and the time of
these few questions is what it is judged by when the budget sets some aside. Those that come through are timed
properly afterwards.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConfigError
from ragkit.evaluation.search.dominance import dominance
from ragkit.evaluation.search.grid import Candidate
from ragkit.evaluation.search.objective import metrics_of
from ragkit.evaluation.search.pareto import most_promising
from ragkit.evaluation.search.prefix import shared_runs
from ragkit.evaluation.search.rules import (
    MAX_FAILED,
    MORE_TIME,
    MOST_CONFIRMED,
    MOST_KEPT_BACK,
    PROBED,
    TIMED,
    Rules,
    looks,
)
from ragkit.evaluation.search.shrink import shrunken
from ragkit.evaluation.search.split import Split
from ragkit.evaluation.search.standing import Standing, gains, points
from ragkit.evaluation.search.work import Work


@dataclass(frozen=True, slots=True)
class Round:
    """One block of questions with who left after it."""

    questions: int
    raced: int = field(kw_only=True)
    worse: int = field(kw_only=True)
    set_aside: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Raced:
    """What a race gave: all configurations with how they fared, and its rounds."""

    standings: tuple[Standing, ...]
    rounds: tuple[Round, ...] = field(kw_only=True)

    @property
    def left(self) -> list[Standing]:
        """Those that came through."""
        return [standing for standing in self.standings if standing.fate == "racing"]


def race(candidates: Sequence[Candidate], parts: Split, rules: Rules, work: Work) -> Raced:
    """Races configurations over the questions of `parts.race`.

    Raises:
        ConfigError: the budget does not suffice to ask every configuration the first questions.
    """
    standings = tuple(Standing(candidate) for candidate in candidates)
    return _Race(standings, parts, rules, work).run()


class _Race:
    def __init__(self, standings: tuple[Standing, ...], parts: Split, rules: Rules, work: Work) -> None:
        self.standings = standings
        self.parts = parts
        self.rules = rules
        self.work = work
        n_questions = len(parts.race) + len(parts.held_out)
        whole = sum(len(s.candidate.stages) for s in standings) * n_questions
        self.limit = rules.budget.runs(whole)
        if self.limit is not None and rules.budget.share is not None:
            # A share of a small grid may be less than the least that a search can do.
            self.limit = max(self.limit, math.ceil(self._for_first() / (1 - MOST_KEPT_BACK)))
        self.kept_back = self._for_confirming()
        self.raced = tuple(objective for objective in rules.objectives if not objective.is_latency)
        self.metrics = metrics_of(rules.objectives)
        self.clusters = np.array([parts.clusters[question] for question in parts.race])

    def run(self) -> Raced:
        self._refuse_small_budget()
        if len(self.raced) < len(self.rules.objectives):
            self._probe()
        ends, rounds, start = looks(len(self.parts.race), self.rules.first), list[Round](), 0
        for n, end in enumerate(ends):
            racing = self._racing()
            for standing in racing:
                self.work.ask(standing, self.parts.race[start:end])
                self.work.done += end - start
                self.work.progress(self.work.done, self._planned(ends, n, len(racing)), "race")
            self._drop_failing(racing)
            worse = self._drop_worse(end, len(ends), n)
            aside = self._set_aside(ends, n) if n < len(ends) - 1 else 0
            rounds.append(Round(end, raced=len(racing), worse=worse, set_aside=aside))
            start = end
        return Raced(self.standings, rounds=tuple(rounds))

    def _racing(self) -> list[Standing]:
        return [standing for standing in self.standings if standing.fate == "racing"]

    def _probe(self) -> None:
        questions = self.parts.race[:PROBED]
        for n, standing in enumerate(self.standings, start=1):
            self.work.clock(standing, questions)
            self.work.progress(n, len(self.standings), "time of a few questions")

    def _drop_failing(self, racing: Sequence[Standing]) -> None:
        for standing in racing:
            no_value = next((m for m in self.metrics if not standing.values.get(m)), None)
            untimed = len(self.raced) < len(self.rules.objectives) and not standing.seconds
            if len(standing.failed) > MAX_FAILED * standing.asked or no_value or untimed:
                standing.fate = "failing"
                first = next(iter(standing.failed.values()), "")
                standing.why = (
                    f"{len(standing.failed)} of {standing.asked} questions failed: {first}"
                    if first
                    else f"no value of {no_value or 'time'} in {standing.asked} questions"
                )

    def _drop_worse(self, end: int, n_looks: int, look: int) -> int:
        racing = self._racing()
        if len(racing) < 2:
            return 0
        found = dominance(
            gains(racing, self.raced, self.parts.race[:end]),
            clusters=np.unique(self.clusters[:end], return_inverse=True)[1],
            may_replace=self._not_slower(racing),
            alpha=self.rules.alpha / n_looks,
            seed=self.rules.seed + look,
        ).worse
        shown = [int(np.flatnonzero(row)[0]) if row.any() else None for row in found]
        if all(place is not None for place in shown):
            return 0  # a ring, which values that are missing can make: nobody is shown to be best
        for standing, row in zip(racing, found, strict=True):
            better = [racing[j] for j in np.flatnonzero(row)]
            if better:
                first = self.raced[0]
                best = max(better, key=lambda s: first.gain(s.mean(first) or 0.0))
                standing.fate, standing.beaten_by = "worse", best.candidate.id
                standing.why = f"worse than {best.candidate.id} after {end} questions"
        return sum(place is not None for place in shown)

    def _not_slower(self, racing: Sequence[Standing]) -> NDArray[np.bool_] | None:
        if len(self.raced) == len(self.rules.objectives):
            return None
        took = np.array([float(np.median(list(s.seconds.values()))) for s in racing])
        return np.asarray(took[None, :] <= MORE_TIME * took[:, None])

    def _set_aside(self, ends: Sequence[int], n: int) -> int:
        racing = self._racing()
        # A larger budget may go on from the results of a smaller one, but not from its decisions.
        name = f"{self.rules.budget.seconds} s, round {n}"
        known = self.work.journal.decision(name)
        if known is None:
            left = self._left()
            if left is None or len(racing) < 2:
                return 0
            per_round = left / (len(ends) - 1 - n)
            order = [racing[i] for i in most_promising(self._promise(racing, ends[n]))]
            known = [s.candidate.id for s in self._affordable(order, per_round, ends[n + 1] - ends[n])]
            if self.rules.budget.seconds is not None:
                self.work.journal.put_decision(name, known)
        aside = [standing for standing in racing if standing.candidate.id not in known]
        for standing in aside:
            standing.fate = "set aside"
            standing.why = f"less promising after {ends[n]} questions, when the budget was short"
        return len(aside)

    def _promise(self, racing: Sequence[Standing], end: int) -> NDArray[np.float64]:
        """`[n, objectives]`, what the configurations may be hoped to reach."""
        made = points(racing, self.rules.objectives)
        choices = [standing.candidate.choices for standing in racing]
        values = gains(racing, self.raced, self.parts.race[:end])
        columns = [n for n, objective in enumerate(self.rules.objectives) if not objective.is_latency]
        for place, column in enumerate(columns):
            made[:, column] = shrunken(values[:, :, place], choices)
        return made

    @staticmethod
    def _affordable(order: Sequence[Standing], runs: float, n_questions: int) -> list[Standing]:
        """The first ones, at least two, whose stages on so many questions are within the runs."""
        taken: list[Standing] = []
        keys: set[str] = set()
        for standing in order:
            with_it = keys | set(standing.candidate.stages)
            if len(taken) >= 2 and len(with_it) * n_questions > runs:
                continue  # one that shares more with those taken may still be had
            taken.append(standing)
            keys = with_it
        return taken

    def _left(self) -> float | None:
        """The stage runs that the rest of the race may take; None where there is no limit."""
        if self.limit is not None:
            return self.limit - self.kept_back - self.work.spent
        if self.rules.budget.seconds is None:
            return None
        took = time.monotonic() - self.work.started
        rate = self.work.fresh / took if took > 0 else 0.0
        return max(0.0, (self.rules.budget.seconds * (1 - MOST_KEPT_BACK) - took) * rate)

    def _for_confirming(self) -> int:
        """What the confirmation may take, of the limit in stage runs."""
        if self.limit is None:
            return 0
        deepest = max(len(standing.candidate.stages) for standing in self.standings)
        is_timed = any(objective.is_latency for objective in self.rules.objectives)
        each = deepest * (len(self.parts.held_out) + (2 * TIMED if is_timed else 0))
        return int(min(MOST_KEPT_BACK * self.limit, (MOST_CONFIRMED + 1) * each))

    def _for_first(self) -> int:
        """Stage runs that it takes to ask every configuration the first questions."""
        first = looks(len(self.parts.race), self.rules.first)[0]
        least = shared_runs(s.candidate.stages for s in self.standings) * first
        if any(objective.is_latency for objective in self.rules.objectives):
            least += PROBED * sum(len(s.candidate.stages) for s in self.standings)
        return least

    def _refuse_small_budget(self) -> None:
        if self.limit is None:
            return
        first, least = looks(len(self.parts.race), self.rules.first)[0], self._for_first()
        if least > self.limit - self.kept_back:
            raise ConfigError(
                f"a budget of {self.limit:,} stage runs: to ask {len(self.standings):,} configurations the "
                f"first {first} questions alone takes {least:,}, and the confirmation {self.kept_back:,}. "
                "Raise the budget, give fewer values, or set race: {first: …} lower in the space file"
            )

    def _planned(self, ends: Sequence[int], n: int, racing: int) -> int:
        """Questions to be asked in all if half of the configurations leave each time."""
        ahead, at = 0, racing
        for before, end in zip(ends[n:-1], ends[n + 1 :], strict=True):
            at = max(2, at // 2) if self.limit or self.rules.budget.seconds else at
            ahead += at * (end - before)
        done_before = sum(s.asked for s in self.standings if s.fate != "racing")
        return max(self.work.done, done_before + racing * ends[n] + ahead)
