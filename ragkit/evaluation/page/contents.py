"""What a page is about: a report, or two reports side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragkit.errors import EvalError
from ragkit.evaluation.compare import Comparison, compare_results
from ragkit.evaluation.report import GateCheck, Report, Result


@dataclass(frozen=True, slots=True)
class Contents:
    """What is shown.

    Args:
        title: of the page.
        results: by dataset, then pipeline.
        comparisons: by dataset, the tables of differences.
        pairs: by dataset, which pipelines are laid side by side: baseline and pipeline.
        gate, facts: as in `Report`.
        is_comparison: whether the page is about differences first.

    >>> Contents("mine", results=(), comparisons={}, pairs={}, facts={}).gate
    ()
    """

    title: str
    results: tuple[Result, ...] = field(kw_only=True, repr=False)
    comparisons: Mapping[str, Sequence[Comparison]] = field(kw_only=True, repr=False)
    pairs: Mapping[str, Sequence[tuple[str, str]]] = field(kw_only=True)
    gate: tuple[GateCheck, ...] = field(default=(), kw_only=True)
    facts: Mapping[str, object] = field(kw_only=True, repr=False)
    is_comparison: bool = field(default=False, kw_only=True)

    @property
    def datasets(self) -> dict[str, list[Result]]:
        """The results of each dataset, in the report's order."""
        found: dict[str, list[Result]] = {}
        for result in self.results:
            found.setdefault(result.dataset, []).append(result)
        return found


def of_report(report: Report) -> Contents:
    """One report: each pipeline against the baseline, which is the first one where none was compared."""
    pairs = {}
    for dataset in dict.fromkeys(result.dataset for result in report.results):
        names = [result.pipeline for result in report.results if result.dataset == dataset]
        comparison = report.comparisons.get(dataset)
        base = comparison.baseline if comparison and comparison.baseline in names else names[0]
        pairs[dataset] = [(base, name) for name in names if name != base]
    return Contents(
        report.name,
        results=report.results,
        comparisons={name: [comparison] for name, comparison in report.comparisons.items()},
        pairs=pairs,
        gate=report.gate,
        facts=report.facts,
    )


def of_two(before: Report, after: Report, names: tuple[str, str]) -> Contents:
    """Two reports of the same datasets: pipelines of one name side by side, or all against the first.

    Raises:
        EvalError: they have no dataset in common, or one name is given to both.
    """
    if names[0] == names[1]:
        raise EvalError(f"both reports are called {names[0]!r}: give each a name of its own, names=(…, …)")
    shared = [
        name
        for name in dict.fromkeys(result.dataset for result in before.results)
        if any(result.dataset == name for result in after.results)
    ]
    if not shared:
        known = [", ".join(sorted({r.dataset for r in report.results})) for report in (before, after)]
        raise EvalError(
            f"{names[0]} has the datasets {known[0] or 'none'}, {names[1]} has {known[1] or 'none'}: "
            "expected at least one in common"
        )
    results: list[Result] = []
    comparisons: dict[str, list[Comparison]] = {}
    pairs: dict[str, list[tuple[str, str]]] = {}
    for dataset in shared:
        old, new = (
            _named(report, dataset, name) for report, name in zip((before, after), names, strict=True)
        )
        matched = _matched(old, new)
        results += [*old.values(), *new.values()]
        pairs[dataset] = [(a.pipeline, b.pipeline) for a, b in matched]
        found = [_compared(a, b) for a, b in matched]
        comparisons[dataset] = [comparison for comparison in found if comparison is not None]
    return Contents(
        f"{names[0]} → {names[1]}",
        results=tuple(results),
        comparisons=comparisons,
        pairs=pairs,
        facts={names[0]: before.facts, names[1]: after.facts},
        is_comparison=True,
    )


def _named(report: Report, dataset: str, name: str) -> dict[str, Result]:
    """By their names in the report, pipelines whose names say which report they are from."""
    return {
        result.pipeline: replace(result, pipeline=f"{name}/{result.pipeline}")
        for result in report.results
        if result.dataset == dataset
    }


def _matched(old: Mapping[str, Result], new: Mapping[str, Result]) -> list[tuple[Result, Result]]:
    same = [(old[name], new[name]) for name in old if name in new]
    return same or [(next(iter(old.values())), result) for result in new.values()]


def _compared(before: Result, after: Result) -> Comparison | None:
    """What both have on the questions that both were asked; None where there is nothing."""
    old, new = _shared(before, after), _shared(after, before)
    if not any(old.values.get(measure, {}).keys() & values.keys() for measure, values in new.values.items()):
        return None
    return compare_results([old, new])


def _shared(result: Result, other: Result) -> Result:
    """The result, of the questions alone that the other was asked too."""
    outcomes = {id_: outcome for id_, outcome in result.outcomes.items() if id_ in other.outcomes}
    values = {
        measure: {id_: value for id_, value in values.items() if id_ in outcomes}
        for measure, values in result.values.items()
    }
    return replace(result, outcomes=outcomes, values=values)
