"""The table of a dataset: measures by pipelines, each figure with its interval, and a plot of them."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.evaluation.compare import Comparison
from ragkit.evaluation.direction import is_lower_better
from ragkit.evaluation.page.html import Child, Markup, foreign, tag
from ragkit.evaluation.page.kinds import is_time
from ragkit.evaluation.page.numbers import interval, number
from ragkit.evaluation.page.plots import Mark, interval_plot, scale_of
from ragkit.evaluation.page.tables import SERIES, Cell, Column, Header, records, series
from ragkit.evaluation.report import Result
from ragkit.evaluation.stats import FEW, Figure

SIGNIFICANT = 0.05
MOST_COLUMNS = 4
"""More pipelines stand below one another."""


def figures_table(results: Sequence[Result], comparisons: Sequence[Comparison]) -> Markup:
    """A row per measure, a column per pipeline; the interval plots stand in the last column."""
    found = [name for result in results for name in result.figures if not is_time(name)]
    measures = list(dict.fromkeys([*found, *(name for result in results for name in result.unmeasured)]))
    if not measures:
        return tag(
            "p", "No measure could be computed: every question failed, or none was asked.", class_="empty"
        )
    wide = len(results) <= MOST_COLUMNS
    columns, rows = (_wide if wide else _long)(measures, results, comparisons)
    return records(
        columns,
        rows,
        caption=f"Measures of {results[0].dataset}",
        notes=_notes(results, comparisons),
    )


def _wide(
    measures: Sequence[str], results: Sequence[Result], comparisons: Sequence[Comparison]
) -> tuple[list[Column], list[list[Cell]]]:
    """A row per measure, a column per pipeline."""
    columns = [
        Column("measure"),
        *(Column(r.pipeline, style="num", mark=series(place)) for place, r in enumerate(results)),
        Column("95 % intervals", style="plot"),
    ]
    rows: list[list[Cell]] = []
    for measure in measures:
        marks = [mark for place, r in enumerate(results) if (mark := _mark(measure, place, r)) is not None]
        figures = [
            [series(place, style="phone"), *_figure(measure, r, comparisons)]
            for place, r in enumerate(results)
        ]
        rows.append([_head(measure), *figures, interval_plot(marks) if marks else None])
    return columns, rows


def _long(
    measures: Sequence[str], results: Sequence[Result], comparisons: Sequence[Comparison]
) -> tuple[list[Column], list[list[Cell]]]:
    """A row per measure and pipeline."""
    columns = [
        Column("measure"),
        Column("pipeline"),
        Column("figure", style="num"),
        Column("95 % interval", style="plot"),
    ]
    rows: list[list[Cell]] = []
    for measure in measures:
        marks = [_mark(measure, place, r) for place, r in enumerate(results)]
        measured = [mark for mark in marks if mark is not None]
        scale = scale_of(measured) if measured else None
        for place, (result, mark) in enumerate(zip(results, marks, strict=True)):
            row: list[Cell] = [
                [series(place), foreign(result.pipeline)],
                _figure(measure, result, comparisons),
                interval_plot([mark], scale=scale) if mark else None,
            ]
            rows.append(row if place else [_head(measure, rows=len(results)), *row])
    return columns, rows


def _head(measure: str, *, rows: int = 1) -> Header:
    arrow = tag("small", " ↓", title="lower is better") if is_lower_better(measure) else None
    return Header([foreign(measure), arrow], rows=rows)


def _mark(measure: str, place: int, result: Result) -> Mark | None:
    figure = result.figures.get(measure)
    if figure is None:
        return None
    words = f"{result.pipeline}: {number(figure.mean)} {interval(figure)}"
    return Mark(figure.mean, low=figure.low, high=figure.high, style=f"s{place % SERIES}", words=words)


def _figure(measure: str, result: Result, comparisons: Sequence[Comparison]) -> list[Child]:
    figure = result.figures.get(measure)
    if figure is None:
        why = result.unmeasured.get(measure)
        return ["–", tag("small", why, class_="under why") if why else None]
    return [
        tag("b", number(figure.mean)),
        _verdict(measure, result.pipeline, comparisons),
        tag("small", " ", interval(figure), class_="beside"),
        tag("small", _counts(figure), class_="under"),
    ]


def _counts(figure: Figure) -> str:
    return f"n {figure.n:,}" + (f", {figure.failed:,} failed" if figure.failed else "")


def _verdict(measure: str, pipeline: str, comparisons: Sequence[Comparison]) -> Child:
    """A sign for a difference from the baseline that chance does not explain."""
    for contrast in (c for comparison in comparisons for c in comparison.contrasts):
        if (contrast.metric, contrast.system) == (measure, pipeline) and contrast.p_holm < SIGNIFICANT:
            is_higher = contrast.difference.mean > 0
            word = "higher" if is_higher else "lower"
            style = "good" if is_higher != is_lower_better(measure) else "bad"
            words = f"significantly {word} than {contrast.baseline}"
            sign = "▲" if is_higher else "▼"
            return tag("span", f" {sign}", class_=style, role="img", title=words, aria_label=words)
    return None


def _notes(results: Sequence[Result], comparisons: Sequence[Comparison]) -> list[Child]:
    notes: list[Child] = [
        "Figures with 95 % bootstrap intervals. n: the questions that a measure says something about."
    ]
    if comparisons:
        notes.append(f"▲ ▼: significantly higher or lower than the baseline, p < {SIGNIFICANT} after Holm.")
    if any(figure.failed for result in results for figure in result.figures.values()):
        notes.append("Questions that failed are in no mean.")
    if any(figure.n < FEW for result in results for figure in result.figures.values()):
        notes.append(f"Fewer than {FEW} questions: intervals are too narrow and little can be told apart.")
    return notes
