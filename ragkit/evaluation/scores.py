"""The value of each measure for each query of a run, and what could not be scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.metrics.metric import RankedMetric
from ragkit.evaluation.metrics.ranking import parse_metric
from ragkit.evaluation.qrels import Qrels
from ragkit.evaluation.run import Run
from ragkit.evaluation.stats import Figure, mean_figure


@dataclass(frozen=True, slots=True)
class Scores:
    """Values by measure, then query id, made by `score`.

    Args:
        name: the system's name.
        values: every judged query that did not fail has a value of every measure.
        failed: what went wrong, by judged query that failed: counted with every figure, in no mean.
        missing: judged queries for which the run has nothing; their values are 0.
        unjudged: queries of the run without judgements; not scored.
        without_relevant: judged queries with no relevant document; their values are 0, as in trec_eval.

    >>> run = Run.of_orders("mine", {"q1": ["a", "b"], "q2": ["c"]})
    >>> scores = score(run, {"q1": {"b": 1}, "q2": {"c": 1}}, ["RR@10"])
    >>> dict(scores.values["RR@10"]), scores.figure("RR@10").mean
    ({'q1': 0.5, 'q2': 1.0}, 0.75)
    """

    name: str
    values: Mapping[str, Mapping[str, float]] = field(kw_only=True, repr=False)
    failed: Mapping[str, str] = field(kw_only=True)
    missing: tuple[str, ...] = field(default=(), kw_only=True)
    unjudged: tuple[str, ...] = field(default=(), kw_only=True)
    without_relevant: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the measures, in the order asked for."""
        return tuple(self.values)

    def of(self, metric: str) -> Mapping[str, float]:
        """The values of one measure by query id.

        Raises:
            EvalError: it was not asked for.
        """
        if metric not in self.values:
            raise EvalError(
                f"{self.name}: has no measure {metric!r}.{did_you_mean(metric, self.values)} "
                f"It has: {', '.join(self.values)}"
            )
        return self.values[metric]

    def figure(self, metric: str, *, clusters: Mapping[str, str] | None = None, seed: int = 0) -> Figure:
        """The mean of one measure with its interval.

        Args:
            metric: its name.
            clusters: see `stats.mean_figure`; here by query id. A query that is not in it stands alone.
            seed: of the resampling.

        Raises:
            EvalError: the measure was not asked for, or every query failed.
        """
        values = self.of(metric)
        return mean_figure(
            list(values.values()),
            failed=len(self.failed),
            clusters=None if clusters is None else [clusters.get(query, query) for query in values],
            seed=seed,
        )


def score(run: Run, qrels: Qrels, metrics: Sequence[str | RankedMetric]) -> Scores:
    """Scores a run, query by query.

    Every judged query counts: one that the run does not have scores 0 (`trec_eval -c`), one that failed is
    counted in `failed`. To score a run that was made of some of the queries, give the judgements of those.

    Args:
        run: what was found.
        qrels: grades by query id, then document id.
        metrics: names such as `nDCG@10`, or measures of your own.

    Raises:
        EvalError: there is no judgement or no measure, a name is unknown, a measure is not a finite number.
    """
    judged = {query: grades for query, grades in qrels.items() if grades}
    if not judged or not metrics:
        lacking = "measures" if judged else "judgements"
        raise EvalError(f"run {run.name!r}: nothing to score: there are no {lacking}")
    if not judged.keys() & (run.scores.keys() | run.failed.keys()):
        raise EvalError(
            f"run {run.name!r} has none of the {len(judged):,} judged queries: do ids match? "
            f"Judged is {next(iter(judged))!r}, run is {next(iter(run.scores), None)!r}"
        )
    parsed = [parse_metric(metric) if isinstance(metric, str) else metric for metric in metrics]
    ranked = {query: run.ranked(query) for query in judged if query not in run.failed}
    return Scores(
        run.name,
        values={
            metric.name: {query: _value(metric, query, ranked[query], judged[query]) for query in ranked}
            for metric in parsed
        },
        failed={query: reason for query, reason in run.failed.items() if query in judged},
        missing=tuple(query for query in ranked if not ranked[query]),
        unjudged=tuple(query for query in (*run.scores, *run.failed) if query not in judged),
        without_relevant=tuple(query for query in ranked if max(judged[query].values()) < 1),
    )


def _value(metric: RankedMetric, query: str, ranked: Sequence[str], judged: Mapping[str, int]) -> float:
    value = metric.score(ranked, judged)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise EvalError(f"measure {metric.name!r} of query {query!r}: {value!r}: expected a finite number")
    return float(value)
