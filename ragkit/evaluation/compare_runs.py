"""Two runs side by side: their pipelines in pairs, question by question, on the datasets that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.compare import compare_results
from ragkit.evaluation.comparison import Comparison
from ragkit.evaluation.direction import is_lower_better
from ragkit.evaluation.facts import dataset_fact
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.reports.tables import datasets_of


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one question in one measure.

    >>> Change("q1", question="How long?", before=0.5, after=0.25).difference
    -0.25
    """

    id: str
    question: str = field(kw_only=True)
    before: float = field(kw_only=True)
    after: float = field(kw_only=True)

    @property
    def difference(self) -> float:
        """How much higher it scores now."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class PairOfRuns:
    """A pipeline of the one run and a pipeline of the other, on one dataset.

    Args:
        before, after: under the names that the comparison calls them by.
        changes: by measure, the questions whose value is another, the worst first.
    """

    dataset: str
    before: Result = field(kw_only=True, repr=False)
    after: Result = field(kw_only=True, repr=False)
    comparison: Comparison = field(kw_only=True, repr=False)
    changes: dict[str, list[Change]] = field(kw_only=True, repr=False)


def compare_runs(
    before: Report, after: Report, *, names: Sequence[str] = ("before", "after"), seed: int = 0
) -> list[PairOfRuns]:
    """Compares two reports: pipelines of one name, or all of `after` with the first of `before`.

    Args:
        before, after: from `folder.load_report`.
        names: what to call them.
        seed: of resampling and tests.

    Raises:
        EvalError: they have no dataset in common, or one has another version of it, or asked it other
            questions.
    """
    if names[0] == names[1]:
        raise EvalError(
            f"both runs are called {names[0]!r}: these are the same folder, or give each a name of its own"
        )
    old, new = datasets_of(before.results), datasets_of(after.results)
    both = [name for name in old if name in new]
    if not both:
        raise EvalError(
            f"{names[0]} is on {', '.join(old) or 'nothing'}, {names[1]} on {', '.join(new) or 'nothing'}: "
            "they have no dataset in common, expected one at least"
        )
    for dataset in both:
        _check_same(before, after, dataset, names)
    pairs = [
        _pair(one, other, names, seed)
        for dataset in both
        for one, other in _matched(old[dataset], new[dataset])
    ]
    found = [pair for pair in pairs if pair is not None]
    if not found:
        raise EvalError(f"{names[0]} and {names[1]}: no measure has a value of one question in both")
    return found


def named_runs(before: Path, after: Path) -> tuple[str, str]:
    """The folders' names; with as much of their paths as it takes to tell them apart."""
    old, new = before.resolve().parts, after.resolve().parts
    for n in range(1, max(len(old), len(new)) + 1):
        if old[-n:] != new[-n:]:
            return "/".join(old[-n:]), "/".join(new[-n:])
    return before.name, after.name


def _check_same(before: Report, after: Report, dataset: str, names: Sequence[str]) -> None:
    for key, what in (("checksum", "another version of the dataset"), ("asked", "other questions")):
        old, new = (dataset_fact(report.facts, dataset, key) for report in (before, after))
        if old != new:
            raise EvalError(
                f"{dataset}: {names[1]} was run on {what} than {names[0]} ({key} {str(new)[:12]} and "
                f"{str(old)[:12]}): the values of one cannot be set against those of the other. Run the "
                "suite again for the older of the two"
            )


def _matched(old: Sequence[Result], new: Sequence[Result]) -> list[tuple[Result, Result]]:
    by_name = {result.pipeline: result for result in old}
    same = [(by_name[result.pipeline], result) for result in new if result.pipeline in by_name]
    return same or [(old[0], result) for result in new]


def _pair(one: Result, other: Result, names: Sequence[str], seed: int) -> PairOfRuns | None:
    before = replace(one, pipeline=f"{names[0]}/{one.pipeline}")
    after = replace(other, pipeline=f"{names[1]}/{other.pipeline}")
    comparison = compare_results([before, after], seed=seed)
    if comparison is None:
        return None
    return PairOfRuns(
        one.dataset,
        before=before,
        after=after,
        comparison=comparison,
        changes={
            contrast.metric: _changes(before, after, contrast.metric) for contrast in comparison.contrasts
        },
    )


def _changes(before: Result, after: Result, metric: str) -> list[Change]:
    old, new = before.values[metric], after.values[metric]
    changes = [
        Change(id_, question=after.questions[id_].text, before=old[id_], after=value)
        for id_, value in new.items()
        if id_ in old and abs(value - old[id_]) > 1e-12
    ]
    sign = -1 if is_lower_better(metric) else 1
    return sorted(changes, key=lambda change: (sign * change.difference, change.id))
