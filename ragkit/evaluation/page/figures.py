"""The table of a dataset: measures by pipelines, each figure with its interval, and a plot of them."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.evaluation.compare import Comparison
from ragkit.evaluation.page.html import Child, Markup, foreign, tag
from ragkit.evaluation.page.kinds import is_lower_better, is_time
from ragkit.evaluation.page.numbers import interval, number
from ragkit.evaluation.page.plots import Mark, interval_plot
from ragkit.evaluation.page.tables import SERIES, Cell, Column, Header, records, series
from ragkit.evaluation.report import Result
from ragkit.evaluation.stats import FEW, Figure

SIGNIFICANT = 0.05


def figures_table(results: Sequence[Result], comparisons: Sequence[Comparison]) -> Markup:
    """A row per measure, a column per pipeline; the interval plots stand in the last column."""
    found = [name for result in results for name in result.figures if not is_time(name)]
    measures = list(dict.fromkeys([*found, *(name for result in results for name in result.unmeasured)]))
    if not measures:
        return tag(
            "p", "No measure could be computed: every question failed, or none was asked.", class_="empty"
        )
    columns = [
        Column("measure"),
        *(Column(r.pipeline, style="num", mark=series(place)) for place, r in enumerate(results)),
        Column("95 % intervals", style="plot"),
    ]
    return records(
        columns,
        [_row(measure, results, comparisons) for measure in measures],
        caption=f"Measures of {results[0].dataset}",
        notes=_notes(results, comparisons),
    )


def _row(measure: str, results: Sequence[Result], comparisons: Sequence[Comparison]) -> list[Cell]:
    marks = [
        Mark(
            figure.mean,
            low=figure.low,
            high=figure.high,
            style=f"s{place % SERIES}",
            words=f"{result.pipeline}: {number(figure.mean)} {interval(figure)}",
        )
        for place, result in enumerate(results)
        if (figure := result.figures.get(measure)) is not None
    ]
    arrow = tag("small", " ↓", title="lower is better") if is_lower_better(measure) else None
    figures = [_figure(measure, place, result, comparisons) for place, result in enumerate(results)]
    return [Header([foreign(measure), arrow]), *figures, interval_plot(marks) if marks else None]


def _figure(measure: str, place: int, result: Result, comparisons: Sequence[Comparison]) -> list[Child]:
    figure = result.figures.get(measure)
    if figure is None:
        why = result.unmeasured.get(measure)
        return ["–", tag("small", why, class_="under why") if why else None]
    return [
        series(place, style="phone"),
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
