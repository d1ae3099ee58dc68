"""The pipelines of a dataset against the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ragkit.evaluation.compare import Comparison, Contrast
from ragkit.evaluation.page.figures import SIGNIFICANT
from ragkit.evaluation.page.html import Markup, foreign, tag
from ragkit.evaluation.page.numbers import interval, number
from ragkit.evaluation.page.plots import Mark, Part, centred_scale, interval_plot, stacked_bar
from ragkit.evaluation.page.tables import Cell, Column, Header, records
from ragkit.evaluation.stats import probability

_FIGURES = ("difference", "effect", "p", "p\u00a0Holm", "win/loss/tie", "detectable", "n")
_COLUMNS = (
    Column("measure"),
    Column("pipeline"),
    *(Column(label, style="num") for label in _FIGURES),
    Column("95 % interval", style="plot"),
)


def contrasts_table(comparison: Comparison) -> Markup:
    """A row for each measure and pipeline: the difference, how sure it is, on how many questions."""
    return records(
        _COLUMNS,
        _rows(comparison.contrasts),
        caption=f"Against {comparison.baseline}",
        notes=[foreign(note) for note in comparison.notes()],
    )


def _rows(contrasts: Sequence[Contrast]) -> Iterator[list[Cell]]:
    """The contrasts of one measure share its head and the scale of their plots."""
    for metric, group in groupby(contrasts, key=lambda contrast: contrast.metric):
        together = list(group)
        scale = centred_scale(map(_mark, together))
        for place, contrast in enumerate(together):
            cells = _cells(contrast, scale)
            yield cells if place else [Header(foreign(metric), rows=len(together)), *cells]


def _mark(contrast: Contrast) -> Mark:
    d, style = contrast.difference, "s-none"
    if contrast.p_holm < SIGNIFICANT and d.mean:
        style = "s-good" if contrast.is_better else "s-bad"
    words = f"{contrast.metric}, {contrast.system}: {number(d.mean, sign=True)} {interval(d, sign=True)}"
    return Mark(d.mean, low=d.low, high=d.high, style=style, words=words)


def _cells(contrast: Contrast, scale: tuple[float, float]) -> list[Cell]:
    d = contrast.difference
    return [
        foreign(contrast.system),
        [tag("b", number(d.mean, sign=True)), tag("small", interval(d, sign=True), class_="under")],
        "–" if d.effect is None else number(d.effect, sign=True),
        [
            probability(d.p),
            tag("small", "M", class_="under", title="McNemar") if d.test == "McNemar" else None,
        ],
        probability(contrast.p_holm),
        [f"{contrast.won:,} / {contrast.lost:,} / {d.ties:,}", _balance(contrast)],
        "–" if d.detectable is None else number(d.detectable),
        [f"{d.n:,}", tag("small", f"{d.failed:,} failed", class_="under") if d.failed else None],
        interval_plot([_mark(contrast)], scale=scale),
    ]


def _balance(contrast: Contrast) -> Markup:
    won, lost, ties = contrast.won, contrast.lost, contrast.difference.ties
    parts = [
        Part(won, style="s-good", words=f"{won:,} won"),
        Part(ties, style="s-none", words=f"{ties:,} tied"),
        Part(lost, style="s-bad", words=f"{lost:,} lost"),
    ]
    label = f"{won:,} won, {lost:,} lost, {ties:,} tied"
    return tag("span", stacked_bar(parts, whole=contrast.difference.n, label=label), class_="balance")
