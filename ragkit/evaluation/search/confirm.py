"""The front of a race, and what its configurations reach on questions that no decision has looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragkit.evaluation.search.objective import Objective
from ragkit.evaluation.search.pareto import front
from ragkit.evaluation.search.rules import TIMED
from ragkit.evaluation.search.split import Split
from ragkit.evaluation.search.standing import Standing, points, summary
from ragkit.evaluation.search.work import Work
from ragkit.evaluation.significance import holm
from ragkit.evaluation.stats import Difference, Figure, mean_figure, paired

_AT_ONCE = 5
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A configuration on the held-out questions.

    Args:
        figures: by measure of the objectives, with 95 % intervals.
        changes: by measure with a value for each question, against the configuration as it was.
        p_holm: of the changes, corrected for all changes of all confirmed configurations.
    """

    figures: Mapping[str, Figure]
    changes: Mapping[str, Difference] = field(kw_only=True)
    p_holm: Mapping[str, float] = field(kw_only=True)


def time_properly(standings: Sequence[Standing], questions: Sequence[str], work: Work) -> None:
    """Times configurations on the same questions, a few at a time in turn, so that what else the machine does
    meets all of them; what the race took for their time is forgotten."""
    for standing in standings:
        standing.seconds.clear()
    some = questions[:TIMED]
    total = len(standings) * len(some)
    for start in range(0, len(some), _AT_ONCE):
        for n, standing in enumerate(standings):
            work.clock(standing, some[start : start + _AT_ONCE])
            done = start * len(standings) + (n + 1) * len(some[start : start + _AT_ONCE])
            work.progress(min(done, total), total, "time")


def front_of(
    standings: Sequence[Standing], objectives: Sequence[Objective], baseline: Standing
) -> list[Standing]:
    """Those that none is better than, best first by the first objective, then by the next.

    Of several that come to the same there is one: the configuration as it was, else the first of the space.
    """
    known = [s for s in standings if len(s.means(objectives)) == len(objectives)]
    reached = points(known, objectives)
    best = [known[i] for i in front(reached)]
    unlike: dict[tuple[float, ...], Standing] = {}
    for standing, row in zip(best, points(best, objectives).tolist(), strict=True):
        if standing is baseline:
            unlike[tuple(row)] = standing
        unlike.setdefault(tuple(row), standing)
    return [standing for _, standing in sorted(unlike.items(), key=lambda item: item[0], reverse=True)]


def confirm(
    chosen: Sequence[Standing],
    baseline: Standing,
    objectives: Sequence[Objective],
    parts: Split,
    work: Work,
    *,
    seed: int,
) -> dict[str, Confirmed]:
    """Asks configurations the held-out questions, once, and compares each with the baseline.

    Args:
        chosen: what to confirm; `baseline` too is asked.
        baseline: the configuration as it was.
        objectives, parts, work, seed: of the search.

    Returns:
        By id of the configuration.
    """
    every = list({s.candidate.id: s for s in (*chosen, baseline)}.values())
    again = [Standing(standing.candidate) for standing in every]
    for n, standing in enumerate(again, start=1):
        work.ask(standing, parts.held_out)
        work.progress(n, len(again), "confirmation")
    if any(objective.is_latency for objective in objectives):
        time_properly(again, parts.held_out, work)
    found = {standing.candidate.id: standing for standing in again}
    own = found[baseline.candidate.id]
    changes = {
        id_: _changes(own, standing, objectives, parts, seed)
        for id_, standing in found.items()
        if standing is not own
    }
    tests = [(id_, metric) for id_, by_metric in changes.items() for metric in by_metric]
    corrected = dict(zip(tests, holm([changes[id_][metric].p for id_, metric in tests]), strict=True))
    return {
        id_: Confirmed(
            _figures(standing, objectives, parts, seed),
            changes=changes.get(id_, {}),
            p_holm={metric: corrected[id_, metric] for metric in changes.get(id_, {})},
        )
        for id_, standing in found.items()
    }


def _figures(
    standing: Standing, objectives: Sequence[Objective], parts: Split, seed: int
) -> dict[str, Figure]:
    figures = {}
    for objective in objectives:
        values = standing.seconds if objective.is_latency else standing.values.get(objective.metric, {})
        if not values:
            continue
        if objective.is_latency:
            figures[objective.metric] = _time_figure(values, objective, len(standing.failed), seed)
        else:
            figures[objective.metric] = mean_figure(
                list(values.values()),
                failed=len(standing.failed),
                clusters=[parts.clusters[question] for question in values],
                seed=seed,
            )
    return figures


def _time_figure(values: Mapping[str, float], objective: Objective, failed: int, seed: int) -> Figure:
    """With the percentile interval of 2,000 resamples."""
    array = np.array(list(values.values()))
    picks = np.random.default_rng(seed).integers(0, len(array), (_RESAMPLES, len(array)))
    drawn = array[picks]
    if objective.percent is None:
        spread = drawn.mean(axis=1)
    else:
        spread = np.percentile(drawn, objective.percent, axis=1)
    low, high = np.percentile(spread, [2.5, 97.5])
    centre = summary(values, objective)
    assert centre is not None
    return Figure(centre, float(low), float(high), len(array), failed)


def _changes(
    baseline: Standing, standing: Standing, objectives: Sequence[Objective], parts: Split, seed: int
) -> dict[str, Difference]:
    found = {}
    for objective in objectives:
        before = baseline.values.get(objective.metric, {})
        after = standing.values.get(objective.metric, {})
        both = [question for question in before if question in after]
        if both:
            found[objective.metric] = paired(
                [before[question] for question in both],
                [after[question] for question in both],
                failed=len({*baseline.failed, *standing.failed}),
                clusters=[parts.clusters[question] for question in both],
                seed=seed,
            )
    return found
