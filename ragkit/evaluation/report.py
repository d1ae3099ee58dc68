"""What a suite gave: every pipeline on every dataset, with figures, comparisons and what was lost where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.errors import EvalError, GateFailedError, MissingExtraError
from ragkit.evaluation.comparison import Comparison
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.judge.verdict import Bill
from ragkit.evaluation.outcome import Outcome, StageRuns, Timing
from ragkit.evaluation.qrels import Qrels
from ragkit.evaluation.stats import Figure
from ragkit.evaluation.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """One pipeline on one dataset.

    Args:
        dataset, pipeline: their names in the suite.
        figures: by measure, in the suite's order. `n` counts the questions that the measure says something
            about; `failed` those that ended in an error.
        values: by measure, then question: what the figures are the means of. A measure of a whole set has
            none.
        blame: by question that was not answered well, the node that lost what was needed, or `corpus`,
            `answer`, see `ragkit.evaluation.blame`.
        questions, qrels: what was asked and judged.
        outcomes: by question, in the order of the questions.
        timings: by question that was timed.
        graph: the pipeline's nodes in order: name and registered name.
        unmeasured: why, by measure that was asked for and has no figure: it says nothing about any question,
            or all failed.
        unscored: by measure that could not score all that it should, such as a judge that gave no verdict,
            then question: why.
        not_ingested: why, by document that could not be ingested.
        bills: by measure that asked a model: how often, and what it took.
        stage_runs: by node: how often its stage was run, and how often its value was in the cache.
    """

    dataset: str
    pipeline: str
    figures: Mapping[str, Figure] = field(kw_only=True)
    values: Mapping[str, Mapping[str, float]] = field(kw_only=True, repr=False)
    blame: Mapping[str, str] = field(kw_only=True, repr=False)
    questions: Mapping[str, Question] = field(kw_only=True, repr=False)
    qrels: Qrels = field(kw_only=True, repr=False)
    outcomes: Mapping[str, Outcome] = field(kw_only=True, repr=False)
    timings: Mapping[str, Timing] = field(kw_only=True, repr=False)
    graph: tuple[tuple[str, str], ...] = field(kw_only=True, repr=False)
    unmeasured: Mapping[str, str] = field(default_factory=dict, kw_only=True, repr=False)
    unscored: Mapping[str, Mapping[str, str]] = field(default_factory=dict, kw_only=True, repr=False)
    not_ingested: Mapping[str, str] = field(default_factory=dict, kw_only=True, repr=False)
    bills: Mapping[str, Bill] = field(default_factory=dict, kw_only=True, repr=False)
    stage_runs: Mapping[str, StageRuns] = field(default_factory=dict, kw_only=True, repr=False)

    @property
    def failed(self) -> dict[str, str]:
        """What went wrong, by question that failed."""
        return {id_: outcome.error for id_, outcome in self.outcomes.items() if outcome.error}

    def n_of(self, metric: str) -> int:
        """How many questions a measure's figure is of; 0 where it has none."""
        return self.figures[metric].n if metric in self.figures else 0

    @property
    def degraded(self) -> int:
        """How many questions a stage failed for and was done without."""
        return sum(bool(outcome.degraded) for outcome in self.outcomes.values())


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One line of `fail_if`, looked at."""

    dataset: str
    pipeline: str
    metric: str = field(kw_only=True)
    rule: str = field(kw_only=True)
    holds: bool = field(kw_only=True)
    detail: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Report:
    """What a suite gave.

    Args:
        name: of the suite.
        results: by dataset, then pipeline, both in the suite's order.
        comparisons: by dataset, each pipeline against the baseline; empty where there is one pipeline.
        gate: each rule of `fail_if` with whether it holds; empty where the suite has none.
        facts: what it takes to make it again: seed, versions, commit, checksums of datasets and config.
        folder: where it was written.
        max_error_rate: the share of its questions that a measure, such as a judge that cannot be reached, may
            leave unscored before its figure is not to be believed.
    """

    name: str
    results: tuple[Result, ...] = field(kw_only=True, repr=False)
    comparisons: Mapping[str, Comparison] = field(kw_only=True, repr=False)
    gate: tuple[GateCheck, ...] = field(default=(), kw_only=True)
    facts: Mapping[str, object] = field(kw_only=True, repr=False)
    folder: Path | None = field(default=None, kw_only=True, compare=False)
    max_error_rate: float = field(default=1.0, kw_only=True)

    @property
    def untrusted(self) -> tuple[str, ...]:
        """A line for each measure that left more of its questions unscored than `max_error_rate` allows."""
        return tuple(
            f"{result.dataset}/{result.pipeline}: {metric} could not score {len(reasons):,} of {n:,} "
            f"questions: {next(iter(reasons.values()))}"
            for result in self.results
            for metric, reasons in result.unscored.items()
            if reasons and len(reasons) > self.max_error_rate * (n := result.n_of(metric) + len(reasons))
        )

    @property
    def holds(self) -> bool:
        """Whether every rule of the gate holds."""
        return all(check.holds for check in self.gate)

    def require(self) -> None:
        """Passes where the gate holds and every figure can be believed, for a test or a script.

        Raises:
            GateFailedError: rules do not hold: all of them, with what was found.
            EvalError: a measure left too many of its questions unscored.

        >>> Report("mine", results=(), comparisons={}, facts={}).require()
        """
        broken = [check for check in self.gate if not check.holds]
        if broken:
            raise GateFailedError(
                "\n".join(
                    f"{check.dataset}/{check.pipeline}: {check.metric}: {check.rule}: {check.detail}"
                    for check in broken
                )
            )
        if self.untrusted:
            raise EvalError("\n".join(self.untrusted))

    def table(self) -> Table:
        """A row for each measure of each pipeline on each dataset.

        >>> Report("mine", results=(), comparisons={}, facts={}).table().head
        ('dataset', 'pipeline', 'measure', 'mean', 'low', 'high', 'n', 'failed')
        """
        rows = [
            (
                *(result.dataset, result.pipeline, name),
                *map(_cell, (figure.mean, figure.low, figure.high)),
                *(f"{figure.n:,}", f"{figure.failed:,}"),
            )
            for result in self.results
            for name, figure in result.figures.items()
        ]
        return Table(("dataset", "pipeline", "measure", "mean", "low", "high", "n", "failed"), tuple(rows))

    def to_pandas(self) -> Any:
        """A data frame with a row for each question of each pipeline on each dataset.

        Its columns are `dataset`, `pipeline`, `question_id`, `question`, a column for each measure that has
        values by question (NaN where it says nothing), `lost`, `abstained`, `error` and, where it was timed,
        `seconds`.

        Raises:
            MissingExtraError: pandas is not installed.

        Example:
            report.to_pandas().pivot(index="question_id", columns="pipeline", values="nDCG@10")
        """
        try:
            import pandas
        except ImportError as e:
            raise MissingExtraError("Report.to_pandas", package="pandas", extra="pandas") from e
        return pandas.DataFrame.from_records([row for result in self.results for row in _records(result)])

    def result(self, dataset: str, pipeline: str) -> Result | None:
        """One pipeline on one dataset; None where it was not run."""
        found = (r for r in self.results if (r.dataset, r.pipeline) == (dataset, pipeline))
        return next(found, None)


def _cell(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"


def _records(result: Result) -> Iterator[dict[str, object]]:
    for id_, outcome in result.outcomes.items():
        yield {
            "dataset": result.dataset,
            "pipeline": result.pipeline,
            "question_id": id_,
            "question": result.questions[id_].text,
            **{name: values.get(id_) for name, values in result.values.items()},
            "lost": result.blame.get(id_),
            "abstained": None if outcome.reply is None else outcome.reply.abstained,
            "error": outcome.error,
            "seconds": result.timings[id_].seconds if id_ in result.timings else None,
        }
