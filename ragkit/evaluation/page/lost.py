"""How the questions of each pipeline ended, and which stage lost those that were not answered well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ragkit.evaluation.page.html import Child, Markup, foreign, joined, tag
from ragkit.evaluation.page.kinds import KINDS, kind_of
from ragkit.evaluation.page.numbers import count
from ragkit.evaluation.page.plots import Part, stacked_bar
from ragkit.evaluation.page.tables import Cell, Column, Header, key, records, series
from ragkit.evaluation.report import Result

_COUNTS = ("asked", "failed", "abstained", "degraded", "lost")
_COLUMNS = (
    Column("pipeline"),
    *(Column(label, style="num") for label in _COUNTS),
    Column("where the answer was lost", style="wide"),
)


def outcomes_table(results: Sequence[Result]) -> Markup:
    """A row per pipeline: asked, failed, abstained, degraded, and the bar of what was lost where."""
    used = {kind for result in results for kind, _, _ in _losses(result)}
    notes: list[Child] = [
        "Lost: what the answer takes was not handed on, or the answer does not say it. Named is the first "
        "node that was given it and did not give it on; corpus: no document of the index has it."
    ]
    rows = [_row(place, result) for place, result in enumerate(results)]
    table = records(_COLUMNS, rows, caption="What became of the questions", notes=notes)
    return joined(table, key((f"k-{kind}", kind) for kind in KINDS if kind in used) if used else None)


def not_ingested(results: Sequence[Result]) -> Markup | None:
    """The documents that no pipeline could find, with the reason; None where all went in."""
    found = {(id_, reason) for result in results for id_, reason in result.not_ingested.items()}
    if not found:
        return None
    n = len({id_ for id_, _ in found})
    items = [tag("li", foreign(id_), ": ", foreign(reason)) for id_, reason in sorted(found)]
    words = f"{count(n, 'document')} could not be ingested"
    return tag("details", tag("summary", words, class_="bad"), tag("ul", items), class_="left")


def _row(place: int, result: Result) -> list[Cell]:
    outcomes = result.outcomes.values()
    abstained = sum(outcome.reply is not None and outcome.reply.abstained for outcome in outcomes)
    has_replies = any(outcome.reply is not None for outcome in outcomes)
    return [
        Header([series(place), foreign(result.pipeline)]),
        f"{len(outcomes):,}",
        _worrying(len(result.failed)),
        f"{abstained:,}" if has_replies else "–",
        _worrying(sum(bool(outcome.degraded) for outcome in outcomes)),
        f"{len(result.blame):,}",
        _bar(result),
    ]


def _worrying(n: int) -> Child:
    return tag("b", f"{n:,}", class_="bad") if n else "0"


def _bar(result: Result) -> Markup:
    losses = _losses(result)
    if not losses:
        words = "nothing was lost" if result.outcomes else "nothing was asked"
        return tag("span", words, class_="note")
    n = len(result.outcomes)
    label = "; ".join(f"{node}: {size:,} of {n:,}" for _, node, size in losses)
    parts = [Part(size, style=f"k-{kind}", words=f"{node}: {size:,} of {n:,}") for kind, node, size in losses]
    names = [tag("span", foreign(node), " ", tag("b", f"{size:,}")) for _, node, size in losses]
    return joined(stacked_bar(parts, whole=n, label=label), tag("span", names, class_="parts"))


def _losses(result: Result) -> list[tuple[str, str, int]]:
    """Kind, name and number of questions of each node that lost some, in the order of the graph."""
    order = {node: place for place, (node, _) in enumerate(result.graph)}
    counts = Counter(result.blame.values())
    found = [(kind_of(node, result.graph), node, size) for node, size in counts.items()]
    return sorted(found, key=lambda one: (KINDS.index(one[0]), order.get(one[1], -1), one[1]))
