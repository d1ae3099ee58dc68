"""A report in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ragkit.evaluation.comparison import Comparison
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.reports.markdown import made_with, source_of
from ragkit.evaluation.reports.tables import (
    datasets_of,
    figure_table,
    gate_table,
    loss_table,
    verdict_of,
    warnings_of,
)
from ragkit.evaluation.table import Table

Styled = Callable[[int, str], str]
_ALPHA = 0.05
_WIDE = 110
_PIPED = 160
_NAMES, _CELL = 24, 25


def console_for_reports() -> Console:
    """A console that does not break the lines of what is not read in a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED)


def print_report(report: Report, console: Console) -> None:
    """Figures, differences and losses of each dataset, then the gate."""
    for dataset, results in datasets_of(report.results).items():
        console.print(plain(f"\n{dataset}", "bold"), plain(source_of(report, dataset), "dim"))
        _print_dataset(report, dataset, results, console)
    if report.gate:
        console.print()
        for check, row in zip(report.gate, gate_table(report).rows, strict=True):
            mark, style = ("✓", "green") if check.holds else ("✗", "bold red")
            found = plain(f"{row[2]}: {row[3]}", "dim")
            console.print(plain(f"{mark} {row[1]}", style), found, soft_wrap=True)
        console.print(plain(verdict_of(report), "bold green" if report.holds else "bold red"))
    console.print(plain(made_with(report), "dim"), soft_wrap=True)


def print_comparison(comparison: Comparison, console: Console) -> None:
    """The differences, those that are no chance in colour, and how to read them."""
    rows = comparison.contrasts

    def style(row: int, _: str) -> str:
        contrast = rows[row]
        if contrast.p_holm >= _ALPHA:
            return ""
        return "green" if contrast.is_better else "red"

    is_wide = console.width >= _WIDE
    _print_table(comparison.difference_table() if is_wide else comparison.short_table(), console, style)
    for note in comparison.notes():
        console.print(plain(note, "dim"), soft_wrap=True)


def _print_dataset(report: Report, dataset: str, results: list[Result], console: Console) -> None:
    side_by_side = max(1, (console.width - _NAMES) // _CELL)
    for start in range(0, len(results), side_by_side):
        _print_table(figure_table(results[start : start + side_by_side]), console)
    comparison = report.comparisons.get(dataset)
    if comparison is not None:
        console.print()
        print_comparison(comparison, console)
    if hits := _cache_hits(results):
        console.print(plain(f"stage values from the cache: {hits}", "dim"), soft_wrap=True)
    losses = loss_table(results)
    if losses is not None:
        console.print()
        _print_table(losses, console)
    for warning in warnings_of(results, compared=comparison is not None):
        console.print(plain(warning, "yellow"), soft_wrap=True)


def _cache_hits(results: list[Result]) -> str:
    """How much of each pipeline's work was done before, here or in an earlier run; empty where none was."""
    found = []
    for result in results:
        runs = result.stage_runs.values()
        cached, executed = sum(one.cached for one in runs), sum(one.executed for one in runs)
        if cached:
            found.append(f"{result.pipeline} {cached:,} of {cached + executed:,}")
    return ", ".join(found)


def _print_table(table: Table, console: Console, style: Styled | None = None) -> None:
    shown = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column, head in enumerate(table.head):
        shown.add_column(plain(head, ""), justify="right" if column else "left", overflow="fold")
    for number, row in enumerate(table.rows):
        look = style(number, row[0]) if style else ""
        shown.add_row(*(plain(cell, look if column else "cyan") for column, cell in enumerate(row)))
    console.print(shown)


def plain(text: str, style: str) -> Text:
    """Text without control characters: an error's message must not drive the terminal."""
    return Text("".join(c if c.isprintable() or c == "\n" else " " for c in text), style=style)
