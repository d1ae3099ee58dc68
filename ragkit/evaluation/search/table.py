"""The front as a table, for a terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragkit.evaluation.search.confirm import Confirmed
from ragkit.evaluation.search.dimension import KEEP
from ragkit.evaluation.search.objective import Objective
from ragkit.evaluation.search.search import Findings
from ragkit.evaluation.search.standing import Standing
from ragkit.evaluation.stats import probability
from ragkit.evaluation.table import Table


@dataclass(frozen=True, slots=True)
class FrontTable:
    """The front with what all of it has in common.

    Args:
        table: a row for each of the front and one for the configuration as it was.
        common: the choices that every row shares: `fuse=rrf`; what is kept as it was is not told.
    """

    table: Table
    common: tuple[str, ...] = field(kw_only=True)


def front_table(findings: Findings) -> FrontTable:
    """The front, best first by the first objective; figures of the held-out questions."""
    chosen = [s for s in findings.front if s.candidate.id in findings.confirmed]
    choices = [s.candidate.choices for s in chosen]
    common = {key for key in choices[0] if all(c.get(key) == choices[0][key] for c in choices)}
    if len(chosen) == 1:
        common = set()
    head = ["configuration"]
    for objective in findings.objectives:
        head += [f"{_headed(objective)} [95 %]", "race"]
        if not objective.is_latency:
            head.append("change, p Holm")
    places = findings.shown_front
    rows = [
        _row(f"{places[standing.candidate.id]:>2} {_label(standing, common)}", standing, findings)
        for standing in chosen
    ]
    own = findings.baseline
    if own.candidate.id not in {s.candidate.id for s in chosen}:
        rows.append(_row(f" - as it was ({own.candidate.id})", own, findings))
    shared = tuple(_told({key: choices[0][key] for key in choices[0] if key in common}))
    return FrontTable(Table(tuple(head), tuple(rows)), common=shared)


def _label(standing: Standing, common: set[str]) -> str:
    choices = standing.candidate.choices
    told = _told({key: value for key, value in choices.items() if key not in common})
    return " ".join((standing.candidate.id, *(told or [standing.candidate.label])))


def _told(choices: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in choices.items() if value != KEEP]


def _row(label: str, standing: Standing, findings: Findings) -> tuple[str, ...]:
    confirmed = findings.confirmed[standing.candidate.id]
    cells = [label]
    for objective in findings.objectives:
        cells.append(_figure(confirmed, objective))
        mean = standing.mean(objective)
        # As many questions as the others, or the number would look like theirs.
        is_whole = mean is not None and standing.fate == "racing"
        cells.append(number_of(mean, objective) if is_whole and mean is not None else "–")
        if not objective.is_latency:
            cells.append(_change(confirmed, objective))
    return tuple(cells)


def _figure(confirmed: Confirmed, objective: Objective) -> str:
    figure = confirmed.figures.get(objective.metric)
    if figure is None:
        return "–"
    centre = number_of(figure.mean, objective)
    if figure.low is None or figure.high is None:
        return centre
    return f"{centre} [{number_of(figure.low, objective)}, {number_of(figure.high, objective)}]"


def _change(confirmed: Confirmed, objective: Objective) -> str:
    change = confirmed.changes.get(objective.metric)
    if change is None:
        return ""
    sign = "+" if change.mean >= 0 else "-"
    return (
        f"{sign}{number_of(abs(change.mean), objective)}, {probability(confirmed.p_holm[objective.metric])}"
    )


def number_of(value: float, objective: Objective) -> str:
    """A value with as many digits as it bears; times in milliseconds."""
    scaled = value * 1000 if objective.is_latency else value
    return (
        f"{scaled:.3f}" if abs(scaled) < 10 else f"{scaled:,.1f}" if abs(scaled) < 1000 else f"{scaled:,.0f}"
    )


def _headed(objective: Objective) -> str:
    return f"{objective.metric} ms" if objective.is_latency else objective.metric
