"""What a comparison of two runs leaves out, so that nothing is missed without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ragkit.evaluation.compare_runs import PairOfRuns
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.reports.tables import datasets_of, figure_cell
from ragkit.evaluation.rule import TIMES

Runs = Mapping[str, Mapping[str, Sequence[Result]]]


def not_compared(
    before: Report, after: Report, pairs: Sequence[PairOfRuns], names: Sequence[str]
) -> list[str]:
    """A line for all datasets, pipelines and measures that are in no difference.

    Args:
        before, after, names: as for `compare_runs`.
        pairs: what it gave.
    """
    runs = {name: datasets_of(report.results) for name, report in zip(names, (before, after), strict=True)}
    return [
        *_datasets(runs),
        *_pipelines(runs, {name for pair in pairs for name in (pair.before.pipeline, pair.after.pipeline)}),
        *(line for pair in pairs for line in _measures(pair)),
    ]


def _datasets(runs: Runs) -> Iterator[str]:
    for name, datasets in runs.items():
        alone = [one for one in datasets if any(one not in other for other in runs.values())]
        if alone:
            yield f"Datasets of {name} alone: {', '.join(alone)}."


def _pipelines(runs: Runs, compared: set[str]) -> Iterator[str]:
    for name, datasets in runs.items():
        found = dict.fromkeys(result.pipeline for results in datasets.values() for result in results)
        alone = [pipeline for pipeline in found if f"{name}/{pipeline}" not in compared]
        if alone:
            yield f"Pipelines of {name} that were not compared: {', '.join(alone)}."


def _measures(pair: PairOfRuns) -> Iterator[str]:
    """Those without a value of one question in both: of a whole set, or not measured in one of them."""
    names = dict.fromkeys(
        name for one in (pair.before, pair.after) for name in (*one.figures, *one.unmeasured)
    )
    for name in names:
        if name not in pair.changes and name not in TIMES:
            was, now = (figure_cell(name, one.figures.get(name)) for one in (pair.before, pair.after))
            yield (
                f"{pair.dataset}: {name} has no value of one question in both, so that its change is not "
                f"tested: {was} in {pair.before.pipeline}, {now} in {pair.after.pipeline}."
            )
