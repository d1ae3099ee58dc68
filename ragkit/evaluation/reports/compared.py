"""Two runs side by side in a terminal: differences, then the questions behind them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.compare_runs import Change, PairOfRuns
from ragkit.evaluation.direction import is_lower_better
from ragkit.evaluation.reports.terminal import plain, print_comparison

_LISTED = 10
_CHARS = 88


def print_pairs(pairs: Sequence[PairOfRuns], console: Console, *, metric: str | None = None) -> None:
    """Each pair with its differences, its losses, the worst first, and its wins, the greatest first.

    Raises:
        EvalError: `metric` was not compared.
    """
    check_compared(pairs, metric)
    for pair in pairs:
        console.print(plain(f"\n{pair.dataset}", "bold"), plain(_title(pair), "dim"))
        print_comparison(pair.comparison, console)
        chosen = metric or next(iter(pair.changes))
        if chosen in pair.changes:
            _print_changes(pair, chosen, console)


def check_compared(pairs: Sequence[PairOfRuns], metric: str | None) -> None:
    """Passes where a measure is among those that were compared, or none is named.

    Raises:
        EvalError: it is not.
    """
    compared = list(dict.fromkeys(name for pair in pairs for name in pair.changes))
    if metric is not None and metric not in compared:
        raise EvalError(
            f"{metric!r} was not compared.{did_you_mean(metric, compared)} There are: {', '.join(compared)}"
        )


def _print_changes(pair: PairOfRuns, metric: str, console: Console) -> None:
    changes, sign = pair.changes[metric], -1 if is_lower_better(metric) else 1
    losses = [change for change in changes if sign * change.difference < 0]
    wins = [change for change in reversed(changes) if sign * change.difference > 0]
    for title, style, found in (("lost", "red", losses), ("won", "green", wins)):
        if found:
            console.print(plain(f"\n{metric}: {len(found):,} questions {title}", f"bold {style}"))
        for change in found[:_LISTED]:
            lost = pair.after.blame.get(change.id) if found is losses else None
            console.print(plain(_line(change, lost), ""), soft_wrap=True)
        if len(found) > _LISTED:
            console.print(plain(f"  and {len(found) - _LISTED:,} more (--json and --html list all)", "dim"))


def _line(change: Change, lost: str | None) -> str:
    text = " ".join(change.question.split())
    shown = text if len(text) <= _CHARS else f"{text[: _CHARS - 1]}…"
    where = f"  (lost in {lost})" if lost else ""
    return (
        f"  {change.difference:+.3f}  {change.before:.3f} → {change.after:.3f}  {change.id}  {shown}{where}"
    )


def _title(pair: PairOfRuns) -> str:
    return f"{pair.after.pipeline} against {pair.before.pipeline}, {len(pair.after.outcomes):,} questions"
