"""A report as plain values for JSON, and back. Times are apart: all else is alike when a run is repeated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ragkit.evaluation.comparison import Comparison, Contrast
from ragkit.evaluation.report import GateCheck, Report, Result
from ragkit.evaluation.rule import TIMES
from ragkit.evaluation.stats import Difference, Figure

Json = dict[str, Any]


def report_json(report: Report) -> Json:
    """What `report.json` holds. `metrics` are those of the first pipeline on the first dataset.

    A rule on a time is there with whether it held, and without the time.
    """
    results = [_result(result) for result in report.results]
    return {
        "suite": report.name,
        "metrics": results[0]["metrics"] if results else {},
        "holds": report.holds,
        "untrusted": list(report.untrusted),
        "max_error_rate": report.max_error_rate,
        "gate": [_check(check) for check in report.gate],
        "results": results,
        "comparisons": {name: comparison_json(found) for name, found in report.comparisons.items()},
        "facts": dict(report.facts),
    }


def timings_json(report: Report) -> Json:
    """What `timings.json` holds, which differs between runs: the figures of times, in seconds, how
    the rules on them came out, and how much of the work was in the cache."""
    return {
        "results": [
            {
                "dataset": result.dataset,
                "pipeline": result.pipeline,
                "metrics": _figures(result, of_times=True),
                "nodes": _nodes(result),
                "stage_runs": {name: asdict(runs) for name, runs in result.stage_runs.items()},
            }
            for result in report.results
        ],
        "gate": [asdict(check) for check in report.gate if check.metric in TIMES],
    }


def comparison_json(comparison: Comparison) -> Json:
    """A comparison as plain values."""
    return {
        "systems": list(comparison.systems),
        "baseline": comparison.baseline,
        "figures": {
            metric: {system: asdict(figure) for system, figure in figures.items()}
            for metric, figures in comparison.figures.items()
        },
        "contrasts": [
            {
                "metric": contrast.metric,
                "system": contrast.system,
                "p_holm": contrast.p_holm,
                **asdict(contrast.difference),
            }
            for contrast in comparison.contrasts
        ],
        "source": comparison.source,
        "seed": comparison.seed,
    }


def comparison_of(row: Mapping[str, Any]) -> Comparison:
    """The comparison that `comparison_json` made plain."""
    return Comparison(
        tuple(row["systems"]),
        baseline=row["baseline"],
        figures={
            metric: {system: Figure(**figure) for system, figure in figures.items()}
            for metric, figures in row["figures"].items()
        },
        contrasts=tuple(_contrast(contrast, row["baseline"]) for contrast in row["contrasts"]),
        source=row["source"],
        seed=row["seed"],
    )


def figures_of(row: Mapping[str, Any]) -> dict[str, Figure]:
    """The figures of one result by measure."""
    return {name: Figure(**figure) for name, figure in row.items()}


def gate_of(report: Mapping[str, Any], timings: Mapping[str, Any]) -> tuple[GateCheck, ...]:
    """The rules as they came out, those on times with the times."""
    timed = {_key(row): row for row in timings.get("gate", ())}
    return tuple(GateCheck(**timed.get(_key(row), row)) for row in report["gate"])


def blame_counts(result: Result) -> dict[str, int]:
    """How many questions each node lost, in the order of the graph; then what is no node."""
    counts = Counter(result.blame.values())
    nodes = [node for node, _ in result.graph if node in counts]
    return {name: counts[name] for name in (*nodes, *sorted(counts.keys() - {*nodes}))}


def json_text(value: object, *, indent: int | None = None) -> str:
    """The JSON of plain values with its line end, texts as they are; with escapes where half a character
    stands in one, which no file can hold.

    Raises:
        ValueError: a number in it is NaN or infinite.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    if any("\ud800" <= c <= "\udfff" for c in text):
        text = json.dumps(value, indent=indent, allow_nan=False)
    return text + "\n"


def _result(result: Result) -> Json:
    return {
        "dataset": result.dataset,
        "pipeline": result.pipeline,
        "questions": len(result.outcomes),
        "failed": len(result.failed),
        "degraded": result.degraded,
        "metrics": _figures(result, of_times=False),
        "by_question": [name for name in result.values if name not in TIMES],
        "unmeasured": dict(result.unmeasured),
        "unscored": {name: dict(reasons) for name, reasons in result.unscored.items()},
        "not_ingested": dict(result.not_ingested),
        "asked": {name: bill.plain() for name, bill in result.bills.items()},
        "blame": blame_counts(result),
        "graph": [list(node) for node in result.graph],
    }


def _figures(result: Result, *, of_times: bool) -> Json:
    return {name: asdict(figure) for name, figure in result.figures.items() if (name in TIMES) == of_times}


def _check(check: GateCheck) -> Json:
    row = asdict(check)
    return {**row, "detail": "see timings.json"} if check.metric in TIMES else row


def _key(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return row["dataset"], row["pipeline"], row["metric"], row["rule"]


def _contrast(row: Mapping[str, Any], baseline: str) -> Contrast:
    own = {key: value for key, value in row.items() if key not in ("metric", "system", "p_holm")}
    return Contrast(
        row["metric"],
        system=row["system"],
        baseline=baseline,
        difference=Difference(**own),
        p_holm=row["p_holm"],
    )


def _nodes(result: Result) -> Json:
    """The mean seconds of each node over the questions that were timed."""
    timings = result.timings.values()
    names = [node for node, _ in result.graph]
    found = {name: [timing.nodes[name] for timing in timings if name in timing.nodes] for name in names}
    return {name: sum(seconds) / len(seconds) for name, seconds in found.items() if seconds}
