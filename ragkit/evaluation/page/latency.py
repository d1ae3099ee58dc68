"""How long a question took: the only part of the page that differs when a run is repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ragkit.evaluation.outcome import Timing
from ragkit.evaluation.page.embedded import rounded
from ragkit.evaluation.page.html import Child, Markup, foreign, joined, tag
from ragkit.evaluation.page.kinds import KINDS, kind_of
from ragkit.evaluation.page.numbers import milliseconds
from ragkit.evaluation.page.plots import Part, stacked_bar
from ragkit.evaluation.page.tables import Cell, Column, Header, key, records, series
from ragkit.evaluation.report import Result

_COLUMNS = (
    Column("pipeline"),
    *(Column(label, style="num") for label in ("p50", "p95", "n")),
    Column("median of each node", style="wide"),
)


def latency_table(results: Sequence[Result]) -> Markup | None:
    """A row per pipeline, with the medians of its nodes as a bar; None where nothing was timed."""
    timed = [(place, result) for place, result in enumerate(results) if result.timings]
    if not timed:
        return None
    medians = {result.pipeline: node_medians(result.timings.values()) for _, result in timed}
    longest = max(sum(nodes.values()) for nodes in medians.values())
    rows = [_row(place, result, medians[result.pipeline], longest) for place, result in timed]
    used = {kind_of(node, result.graph) for _, result in timed for node in medians[result.pipeline]}
    notes: list[Child] = [
        "Each question was asked alone. Nodes that run at the same time stand one after the other in the "
        "bar, so it may be longer than the median of the whole."
    ]
    caption = f"Time per question, {results[0].dataset}"
    table = records(_COLUMNS, rows, caption=caption, notes=notes)
    return joined(table, key((f"k-{kind}", kind) for kind in KINDS if kind in used))


def node_medians(timings: Iterable[Timing]) -> dict[str, float]:
    """The median seconds of each node over the questions that it ran for."""
    seconds: dict[str, list[float]] = {}
    for timing in timings:
        for node, took in timing.nodes.items():
            seconds.setdefault(node, []).append(took)
    return {node: float(np.median(took)) for node, took in seconds.items()}


def timings_data(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The seconds of each question by node, for the page's script: by dataset and pipeline."""
    return [
        {
            "dataset": result.dataset,
            "pipeline": result.pipeline,
            "kinds": {node: kind_of(node, result.graph) for node in _nodes(result.timings)},
            "questions": {
                id_: [rounded(t.seconds), {node: rounded(took) for node, took in t.nodes.items()}]
                for id_, t in result.timings.items()
            },
        }
        for result in results
        if result.timings
    ]


def _nodes(timings: Mapping[str, Timing]) -> list[str]:
    return list(dict.fromkeys(node for timing in timings.values() for node in timing.nodes))


def _percentile(result: Result, percent: int) -> list[Child]:
    figure = result.figures.get(f"latency.p{percent}")
    if figure is None:
        seconds = [timing.seconds for timing in result.timings.values()]
        return [milliseconds(float(np.percentile(seconds, percent)))]
    if figure.low is None or figure.high is None:
        return [milliseconds(figure.mean)]
    ends = f"[{milliseconds(figure.low)}, {milliseconds(figure.high)}]"
    return [tag("b", milliseconds(figure.mean)), tag("small", ends, class_="under")]


def _row(place: int, result: Result, medians: Mapping[str, float], longest: float) -> list[Cell]:
    parts = [
        Part(took, style=f"k-{kind_of(node, result.graph)}", words=f"{node}: {milliseconds(took)}")
        for node, took in medians.items()
    ]
    names = [tag("span", foreign(node), " ", tag("b", milliseconds(took))) for node, took in medians.items()]
    bar = stacked_bar(parts, whole=longest, label="; ".join(part.words for part in parts))
    return [
        Header([series(place), foreign(result.pipeline)]),
        *(_percentile(result, percent) for percent in (50, 95)),
        f"{len(result.timings):,}",
        joined(bar, tag("span", names, class_="parts")) if parts else "–",
    ]
