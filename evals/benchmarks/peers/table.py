"""The tables, as Markdown, and the same facts for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evals.benchmarks.peers.environments import OURS, Environment
from evals.benchmarks.peers.measure import Order, Start
from evals.benchmarks.peers.scoring import METRICS, Line
from ragkit.evaluation.stats import probability
from ragkit.evaluation.table import Table

_HEAD = ("set", "library", *(c for m in METRICS for c in (f"{m} [95 %]", f"− {OURS}", "p Holm")))


def main_table(lines: Sequence[Line]) -> Table:
    """The documented ways: quality, time, and how far each is from ragkit.

    Times are the processor's, which other programs do not lengthen; wall times are in the JSON.
    """
    head = (*_HEAD, "CPU ms p50 / p95", "ingest CPU s")
    rows = [
        (
            *_quality(line, line.peer),
            f"{line.cpu_ms[0]:.1f} / {line.cpu_ms[1]:.1f}",
            f"{line.ingest_cpu_s:.1f}",
        )
        for line in lines
        if line.is_documented
    ]
    return Table(head, tuple(rows))


def variant_table(lines: Sequence[Line]) -> Table:
    """The other ways, against ragkit's documented one."""
    rows = [_quality(line, f"{line.peer}, {line.way}") for line in lines if not line.is_documented]
    return Table(_HEAD, tuple(rows))


def promise_table(
    environments: Sequence[Environment],
    starts: Mapping[str, Start],
    orders: Mapping[str, Order],
    filters: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Table:
    """Size, start, filter and ties of each library."""
    head = (
        "library",
        "packages",
        "MB",
        "first answer CPU s",
        "filter: complete",
        "of other shelves",
        "ties",
    )
    rows = []
    for env in environments:
        if env.python is None:
            continue
        start, order = starts.get(env.name), orders.get(env.name)
        complete, foreign = _filter(filters.get(env.name, []))
        rows.append(
            (
                env.name,
                f"{len(env.packages)}",
                f"{env.mb:,.0f}",
                "–" if start is None else f"{start.cpu_s:.1f}",
                complete,
                foreign,
                "–" if order is None else _order(order),
            )
        )
    return Table(head, tuple(rows))


def as_json(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The lines as plain values."""
    return [asdict(line) for line in lines]


def _quality(line: Line, label: str) -> tuple[str, ...]:
    cells = [line.set, label]
    for metric in METRICS:
        figure = line.figures[metric]
        interval = "" if figure.low is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
        failed = f" ({figure.failed:,} failed)" if figure.failed else ""
        change = line.differences.get(metric)
        cells.append(f"{figure.mean:.3f}{interval}{failed}")
        cells.append("" if change is None else f"{change.mean:+.3f}")
        cells.append(probability(line.p_holm[metric]) if metric in line.p_holm else "")
    return tuple(cells)


def _filter(found: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    errors = [facts["error"] for facts in found if "error" in facts]
    if errors or not found:
        return (f"error: {errors[0][:60]}" if errors else "–"), "–"
    asked = sum(facts["questions"] for facts in found)
    complete, foreign = (sum(facts[key] for facts in found) for key in ("complete", "with_foreign"))
    return f"{complete:,} of {asked:,}", f"{foreign:,} of {asked:,}"


def _order(order: Order) -> str:
    if order.in_another_process and order.after_another_order:
        return "same always"
    if order.in_another_process:
        return "by order of ingestion"
    return "differ between processes"
