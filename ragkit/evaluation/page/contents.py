"""What a page is about: a report, or two reports side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragkit.evaluation.compare_runs import compare_runs
from ragkit.evaluation.comparison import Comparison
from ragkit.evaluation.not_compared import not_compared
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
        notes: what a comparison leaves out.

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
    notes: tuple[str, ...] = field(default=(), kw_only=True)

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
        EvalError: as `compare_runs` does.
    """
    found = compare_runs(before, after, names=names)
    comparisons: dict[str, list[Comparison]] = {}
    pairs: dict[str, list[tuple[str, str]]] = {}
    for pair in found:
        comparisons.setdefault(pair.dataset, []).append(pair.comparison)
        pairs.setdefault(pair.dataset, []).append((pair.before.pipeline, pair.after.pipeline))
    return Contents(
        f"{names[0]} → {names[1]}",
        results=tuple(
            replace(result, pipeline=f"{name}/{result.pipeline}")
            for dataset in pairs
            for name, report in zip(names, (before, after), strict=True)
            for result in report.results
            if result.dataset == dataset
        ),
        comparisons=comparisons,
        pairs=pairs,
        facts={names[0]: before.facts, names[1]: after.facts},
        is_comparison=True,
        notes=tuple(not_compared(before, after, found, names)),
    )
