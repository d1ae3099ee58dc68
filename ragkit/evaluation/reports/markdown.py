"""A report for a pull request or a page."""

from __future__ import annotations

from collections.abc import Iterator

from ragkit.evaluation.facts import dataset_fact
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.reports.tables import (
    datasets_of,
    figure_table,
    gate_table,
    loss_table,
    verdict_of,
    warnings_of,
)
from ragkit.evaluation.table import in_markdown


def report_markdown(report: Report) -> str:
    """The Markdown. Times are left out, so that a repeated run writes the same file."""
    return "\n\n".join(_parts(report)) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"# {report.name}"
    if report.gate:
        verdict = verdict_of(report)
        yield f"**{verdict[0].upper()}{verdict[1:]}.**"
        yield gate_table(report, with_times=False).markdown()
    for dataset, results in datasets_of(report.results).items():
        yield from _dataset(report, dataset, results)
    yield f"{made_with(report)} How long it took is in `timings.json`."


def _dataset(report: Report, dataset: str, results: list[Result]) -> Iterator[str]:
    yield f"## {dataset}"
    yield source_of(report, dataset)
    yield figure_table(results, with_times=False).markdown()
    comparison = report.comparisons.get(dataset)
    if comparison is not None:
        yield comparison.difference_table().markdown()
        yield "\n".join(f"- {note}" for note in comparison.notes())
    losses = loss_table(results)
    if losses is not None:
        yield losses.markdown()
    told = warnings_of(results, compared=comparison is not None)
    if told:
        yield "\n".join(f"- {in_markdown(warning)}" for warning in told)


def source_of(report: Report, dataset: str) -> str:
    """What was measured on, in a line."""
    questions = dataset_fact(report.facts, dataset, "questions")
    checksum = str(dataset_fact(report.facts, dataset, "checksum"))[:12]
    sample = dataset_fact(report.facts, dataset, "sample")
    asked = f"{questions:,} questions" + (f" (a sample of {sample:,})" if sample else "")
    split, subset = (dataset_fact(report.facts, dataset, key) for key in ("split", "subset"))
    parts = (f"split {split}" if split else "", subset or "", f"checksum {checksum}")
    return ", ".join([asked, *filter(None, parts)])


def made_with(report: Report) -> str:
    """Version, commit and seed, in a line."""
    commit = report.facts.get("commit")
    return (
        f"ragkit {report.facts.get('ragkit')}{f', commit {commit}' if commit else ''}, "
        f"seed {report.facts.get('seed')}; intervals are 95 % (BCa bootstrap)."
    )
