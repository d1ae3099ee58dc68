"""Every measure of every question, and their figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Floats, Metric, SetMetric, Unscored
from ragkit.evaluation.set_figure import set_figure
from ragkit.evaluation.stats import Figure, mean_figure

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured:
    """What `measure` gives.

    Args:
        figures: by measure, in the order asked for. `n` counts the questions that a measure says something
            about, `failed` those whose pipeline failed, or that the measure could not score.
        values: by measure, then question: what the figures are the means of. A question that a measure says
            nothing about has none, and a measure of a whole set has none at all.
        parts: by measure of a whole set, then question: what the question adds to it.
        unmeasured: the measures without a figure, by name: why.
        unscored: by measure that could not score all it should, then question: why.
    """

    figures: Mapping[str, Figure] = field(kw_only=True)
    values: Mapping[str, Mapping[str, float]] = field(kw_only=True, repr=False)
    parts: Mapping[str, Mapping[str, tuple[float, ...]]] = field(kw_only=True, repr=False)
    unmeasured: Mapping[str, str] = field(kw_only=True)
    unscored: Mapping[str, Mapping[str, str]] = field(default_factory=dict, kw_only=True, repr=False)


def measure(
    cases: Sequence[Case],
    failed: Mapping[str, str],
    metrics: Sequence[Metric | SetMetric],
    *,
    clusters: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Measured:
    """Measures what a pipeline made of each question.

    Args:
        cases: the questions whose pipeline came to its end.
        failed: what went wrong, by question whose pipeline failed: counted with every figure, in no mean.
        metrics: from `metrics.resolve.resolve_metrics`.
        clusters: by question, the cluster of those that belong together, see `stats.mean_figure`; a question
            that is not in it stands alone.
        seed: of the resampling.

    Raises:
        EvalError: a measure gave something that is no finite number, or raised: its name and the question
            are told. A case is one of a failed pipeline.

    >>> from ragkit.evaluation.dataset import Question
    >>> from ragkit.evaluation.outcome import Outcome
    >>> from ragkit.evaluation.metrics.resolve import resolve_metrics
    >>> cases = [Case(Question("q1", "Why?"), judged={}, outcome=Outcome("q1", input_tokens=7), texts=None)]
    >>> measure(cases, {"q2": "timeout"}, resolve_metrics(["tokens.in", "usd"])).figures
    {'tokens.in': Figure(mean=7.0, low=None, high=None, n=1, failed=1)}
    """
    for case in cases:
        if case.outcome.error or case.question.id in failed:
            raise EvalError(f"question {case.question.id!r} failed: count it in `failed`, it is no case")
    found = _Found(len(failed), clusters or {}, seed)
    for metric in metrics:
        if isinstance(metric, SetMetric):
            found.add_set(metric, cases)
        else:
            found.add_mean(metric, cases)
    return Measured(
        figures=found.figures,
        values=found.values,
        parts=found.parts,
        unmeasured=found.unmeasured,
        unscored=found.unscored,
    )


@dataclass(slots=True)
class _Found:
    """What was measured so far."""

    failed: int
    clusters: Mapping[str, str]
    seed: int
    figures: dict[str, Figure] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    parts: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)
    unscored: dict[str, dict[str, str]] = field(default_factory=dict)

    def add_mean(self, metric: Metric, cases: Sequence[Case]) -> None:
        told, unscored = _told(metric.name, cases, lambda case: _value(metric, case))
        self.values[metric.name] = told
        failed = self._note(metric.name, unscored)
        if not told:
            self._leave_out(metric.name, len(cases), next(iter(unscored.values()), None))
            return
        self.figures[metric.name] = mean_figure(
            list(told.values()), failed=failed, clusters=self._clusters(told), seed=self.seed
        )

    def add_set(self, metric: SetMetric, cases: Sequence[Case]) -> None:
        told, unscored = _told(metric.name, cases, lambda case: _parts(metric, case))
        self.parts[metric.name] = told
        failed = self._note(metric.name, unscored)
        if not told:
            self._leave_out(metric.name, len(cases), next(iter(unscored.values()), None))
            return
        figure = set_figure(
            metric, _matrix(metric, told), failed=failed, clusters=self._clusters(told), seed=self.seed
        )
        if figure is None:
            self.unmeasured[metric.name] = f"it is not defined for these {len(told):,} questions"
        else:
            self.figures[metric.name] = figure

    def _note(self, name: str, unscored: dict[str, str]) -> int:
        """How many questions have no value for want of an outcome or of a score."""
        if unscored:
            self.unscored[name] = unscored
        return self.failed + len(unscored)

    def _leave_out(self, name: str, n_cases: int, unscored: str | None = None) -> None:
        if unscored is not None:
            self.unmeasured[name] = f"it could score none of {n_cases:,} questions: {unscored}"
            return
        self.unmeasured[name] = (
            f"it says nothing about any of {n_cases:,} questions"
            if n_cases
            else f"all {self.failed:,} questions failed"
        )

    def _clusters(self, ids: Mapping[str, object]) -> list[str] | None:
        return [self.clusters.get(id_, id_) for id_ in ids] if self.clusters else None


def _told(
    name: str, cases: Sequence[Case], of: Callable[[Case], T | None]
) -> tuple[dict[str, T], dict[str, str]]:
    """What a measure says of each question, and why it cannot say what it should."""
    told, unscored = dict[str, T](), dict[str, str]()
    for case in cases:
        try:
            value = of(case)
        except Unscored as e:
            unscored[case.question.id] = str(e)
        except _BrokenError:
            raise
        except Exception as e:
            raise _broken(name, case, f"{type(e).__name__}: {e}") from e
        else:
            if value is not None:
                told[case.question.id] = value
    return told, unscored


def _value(metric: Metric, case: Case) -> float | None:
    value = metric.of(case)
    if value is None:
        return None
    if not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise _broken(metric.name, case, f"{value!r}: expected a finite number, or None for nothing to say")
    return float(value)


def _parts(metric: SetMetric, case: Case) -> tuple[float, ...] | None:
    parts = metric.parts(case)
    if parts is not None and not all(map(math.isfinite, parts)):
        raise _broken(metric.name, case, f"{parts!r}: expected finite numbers, or None for nothing to say")
    return parts


def _matrix(metric: SetMetric, parts: Mapping[str, tuple[float, ...]]) -> Floats:
    if len({len(part) for part in parts.values()}) > 1:
        raise EvalError(
            f"measure {metric.name!r}: its parts have different lengths: expected the same for all"
        )
    return np.array(list(parts.values()), dtype=np.float64)


class _BrokenError(EvalError):
    """Names the measure and the question already."""


def _broken(name: str, case: Case, what: str) -> _BrokenError:
    return _BrokenError(f"measure {name!r} of question {case.question.id!r}: {what}")
