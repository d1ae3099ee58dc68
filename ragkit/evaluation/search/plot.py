"""The front as a drawing: quality against cost, in the race and on the held-out questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from ragkit.evaluation.search.axis import Axis, axis_of
from ragkit.evaluation.search.objective import Objective
from ragkit.evaluation.search.search import Findings
from ragkit.evaluation.stats import Figure

WIDTH, HEIGHT = 520, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 28, 44, 56

STYLE = """
.search-plot{font:13px system-ui,-apple-system,"Segoe UI",sans-serif}
.search-plot text{fill:var(--ink,#1f2328)}
.search-plot .title{font-weight:600;font-size:14px}
.search-plot .soft{fill:var(--soft,#59636e)}
.search-plot .grid{stroke:var(--line,#d8dee4);stroke-width:1}
.search-plot .front{fill:var(--front,#0b62d6);stroke:var(--paper,#fff);stroke-width:1.5}
.search-plot .edge{fill:none;stroke:var(--front,#0b62d6);stroke-width:1.5;opacity:.55}
.search-plot .whisker{stroke:var(--front,#0b62d6);stroke-width:1.5;opacity:.5}
.search-plot .own{fill:var(--own,#c2410c);stroke:var(--paper,#fff);stroke-width:1.5}
.search-plot .whisker.of-own{stroke:var(--own,#c2410c)}
.search-plot .racing{fill:var(--other,#8b949e)}
.search-plot .left{fill:none;stroke:var(--other,#8b949e);stroke-width:1.2}
.search-plot .number{font-weight:600;font-size:12px;paint-order:stroke}
.search-plot .number{stroke:var(--paper,#fff);stroke-width:3px}
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One point of a drawing.

    Args:
        x, y: in the units of the objectives.
        kind: a class of `STYLE`: `front`, `own`, `racing` or `left`.
        tip: what a pointer that rests on it is told.
        number: written beside it.
        on_front: whether the line of the front goes through it.
        x_range, y_range: intervals, drawn as whiskers.
    """

    x: float
    y: float
    kind: str = field(kw_only=True)
    tip: str = field(kw_only=True)
    number: str = field(default="", kw_only=True)
    on_front: bool = field(default=False, kw_only=True)
    x_range: tuple[float, float] | None = field(default=None, kw_only=True)
    y_range: tuple[float, float] | None = field(default=None, kw_only=True)


def race_marks(findings: Findings, across: Objective, up: Objective) -> list[Mark]:
    """All configurations at what they reached in the race, those that left it on fewer questions."""
    places = findings.shown_front
    front = {standing.candidate.id for standing in findings.front}
    marks = []
    for standing in findings.standings:
        x, y = standing.mean(across), standing.mean(up)
        if x is None or y is None:
            continue
        candidate = standing.candidate
        on_front = candidate.id in front
        kind = "racing" if standing.fate == "racing" else "left"
        kind = "own" if standing is findings.baseline else "front" if on_front else kind
        fate = f", {standing.fate} after {standing.asked} questions" if standing.fate != "racing" else ""
        tip = f"{candidate.id}: {candidate.label}{fate}\n{shown(x, across)}, {shown(y, up)}"
        number = str(places.get(candidate.id, ""))
        marks.append(Mark(x, y, kind=kind, tip=tip, number=number, on_front=on_front))
    order = ("left", "racing", "front", "own")
    return sorted(marks, key=lambda mark: order.index(mark.kind))


def held_out_marks(findings: Findings, across: Objective, up: Objective) -> list[Mark]:
    """The front and the configuration as it was, with 95 % intervals."""
    places = findings.shown_front
    labels = {standing.candidate.id: standing.candidate.label for standing in findings.standings}
    marks = []
    for id_, confirmed in findings.confirmed.items():
        x, y = confirmed.figures.get(across.metric), confirmed.figures.get(up.metric)
        if x is None or y is None:
            continue
        kind = "own" if id_ == findings.baseline.candidate.id else "front"
        tip = f"{id_}: {labels[id_]}\n{shown(x.mean, across)}, {shown(y.mean, up)}"
        number = str(places.get(id_, ""))
        marks.append(
            Mark(x.mean, y.mean, kind=kind, tip=tip, number=number, x_range=_range(x), y_range=_range(y))
        )
    return marks


def drawing(title: str, marks: Sequence[Mark], across: Objective, up: Objective) -> str:
    """The marks as the content of an SVG of `WIDTH` times `HEIGHT`."""
    if not marks:
        return f'<text class="soft" x="{_LEFT}" y="{HEIGHT / 2}">{escape(title)}: nothing to draw</text>'
    x_axis = axis_of([_unit(across) * v for mark in marks for v in (mark.x, *(mark.x_range or ()))])
    y_axis = axis_of([_unit(up) * v for mark in marks for v in (mark.y, *(mark.y_range or ()))])
    panel = _Panel(x_axis, y_axis, across, up)
    parts = [f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>', panel.axes()]
    parts.append(panel.edge([mark for mark in marks if mark.on_front]))
    parts += [panel.whiskers(mark) for mark in marks]
    parts += [panel.point(mark) for mark in marks]
    parts.append(panel.numbers(marks))
    return "\n".join(part for part in parts if part)


def svg(content: str, width: int, height: int, label: str, *, styled: bool) -> str:
    """A whole SVG; `styled` where it stands by itself and on no page."""
    style = f"<style>{STYLE}</style><rect width='100%' height='100%' fill='#fff'/>" if styled else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="search-plot" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(label)}">{style}\n{content}\n</svg>'
    )


def pairs(objectives: Sequence[Objective]) -> list[tuple[Objective, Objective]]:
    """What is drawn against what, across and up: each further objective against the first."""
    return [(other, objectives[0]) for other in objectives[1:]]


def shown(value: float, objective: Objective) -> str:
    """A value with its measure, times in milliseconds."""
    return f"{objective.metric} {_number(value * _unit(objective))}{' ms' if objective.is_latency else ''}"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def _unit(objective: Objective) -> float:
    return 1000.0 if objective.is_latency else 1.0


def _range(figure: Figure) -> tuple[float, float] | None:
    return None if figure.low is None or figure.high is None else (figure.low, figure.high)


@dataclass(frozen=True, slots=True)
class _Panel:
    x_axis: Axis
    y_axis: Axis
    across: Objective
    up: Objective

    def x(self, value: float) -> float:
        return _LEFT + self.x_axis.share(value * _unit(self.across)) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - self.y_axis.share(value * _unit(self.up)) * (HEIGHT - _TOP - _BOTTOM)

    def axes(self) -> str:
        right, floor = WIDTH - _RIGHT, HEIGHT - _BOTTOM
        lines = []
        for tick in self.x_axis.ticks:
            x = self.x(tick / _unit(self.across))
            lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{floor}"/>')
            lines.append(
                f'<text class="soft" text-anchor="middle" x="{x:.1f}" y="{floor + 18}">'
                f"{self.x_axis.written(tick)}</text>"
            )
        for tick in self.y_axis.ticks:
            y = self.y(tick / _unit(self.up))
            lines.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            lines.append(
                f'<text class="soft" text-anchor="end" x="{_LEFT - 8}" y="{y + 4:.1f}">'
                f"{self.y_axis.written(tick)}</text>"
            )
        middle = (_LEFT + right) / 2
        lines.append(
            f'<text text-anchor="middle" x="{middle:.0f}" y="{HEIGHT - 12}">{_name(self.across)}</text>'
        )
        lines.append(f'<text x="{_LEFT}" y="{_TOP - 6}" class="soft">{_name(self.up)}</text>')
        return "\n".join(lines)

    def edge(self, marks: Sequence[Mark]) -> str:
        """The steps between the points of the front."""
        ordered = sorted(marks, key=lambda mark: (mark.x, mark.y))
        if len(ordered) < 2:
            return ""
        path = f"M{self.x(ordered[0].x):.1f},{self.y(ordered[0].y):.1f}"
        rises = not self.across.is_max  # less cost first: level until the next one, then up
        for mark in ordered[1:]:
            x, y = self.x(mark.x), self.y(mark.y)
            path += f" H{x:.1f} V{y:.1f}" if rises else f" V{y:.1f} H{x:.1f}"
        return f'<path class="edge" d="{path}"/>'

    def whiskers(self, mark: Mark) -> str:
        x, y = self.x(mark.x), self.y(mark.y)
        kind = "whisker of-own" if mark.kind == "own" else "whisker"
        lines = ""
        if mark.x_range:
            low, high = map(self.x, mark.x_range)
            lines += f'<line class="{kind}" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        if mark.y_range:
            low, high = map(self.y, mark.y_range)
            lines += f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        return lines

    def point(self, mark: Mark) -> str:
        x, y = self.x(mark.x), self.y(mark.y)
        tip = f"<title>{escape(mark.tip)}</title>"
        if mark.kind == "own":
            place = f'x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12"'
            return f'<rect class="own" {place}>{tip}</rect>'
        radius = {"front": 6, "racing": 4}.get(mark.kind, 3)
        return f'<circle class="{mark.kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{tip}</circle>'

    def numbers(self, marks: Sequence[Mark]) -> str:
        """The numbers, but for those that would lie on another one: they are told by the pointer."""
        lines: list[str] = []
        taken: list[tuple[float, float]] = []
        for mark in sorted((m for m in marks if m.number), key=lambda m: int(m.number)):
            x, y = self.x(mark.x) - 5, self.y(mark.y) - 10
            if any(abs(x - left) < 18 and abs(y - top) < 12 for left, top in taken):
                continue
            taken.append((x, y))
            lines.append(
                f'<text class="number" x="{x:.1f}" y="{y:.1f}" text-anchor="end">{mark.number}</text>'
            )
        return "\n".join(lines)


def _name(objective: Objective) -> str:
    unit = ", ms" if objective.is_latency else ""
    return escape(f"{objective.metric}{unit} ({'more' if objective.is_max else 'less'} is better)")
