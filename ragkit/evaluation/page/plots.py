"""Plots as inline SVG. Colours come from the style sheet, and what a plot shows is also said in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ragkit.evaluation.page.html import Markup, joined, tag

_WIDTH, _ROW, _PAD = 240, 15, 16


@dataclass(frozen=True, slots=True)
class Mark:
    """A value with its interval.

    >>> Mark(0.5, low=0.4, high=0.6, style="s0", words="bm25: 0.500").style
    's0'
    """

    value: float
    low: float | None = field(kw_only=True)
    high: float | None = field(kw_only=True)
    style: str = field(kw_only=True)
    words: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar.

    >>> Part(3, style="k-fusion", words="fuse: 3").size
    3
    """

    size: float
    style: str = field(kw_only=True)
    words: str = field(kw_only=True)


def interval_plot(marks: Sequence[Mark], *, scale: tuple[float, float] | None = None) -> Markup:
    """A dot with its whiskers for each mark, below one another, over one scale; with a line at 0 within it.

    Args:
        marks: from top to bottom.
        scale: from where to where, `scale_of` or `centred_scale` of all marks that shall share it; None for
            that of these.
    """
    low, high = scale or scale_of(marks)
    bottom = _ROW * len(marks) + 4

    def x(value: float) -> str:
        return f"{_PAD + (value - low) / (high - low) * (_WIDTH - 2 * _PAD):.1f}"

    ticks = [
        _tick(x(value), bottom, value, "zero" if low < 0 < high and value == 0 else "grid")
        for value in _ticks(low, high)
    ]
    rows = [_row(mark, 4 + _ROW * row + _ROW / 2, x) for row, mark in enumerate(marks)]
    return tag(
        "svg",
        ticks,
        rows,
        class_="intervals",
        viewBox=f"0 0 {_WIDTH} {bottom + 14}",
        width=_WIDTH,
        height=bottom + 14,
        role="img",
        aria_label="; ".join(mark.words for mark in marks),
    )


def stacked_bar(parts: Iterable[Part], *, whole: float, label: str) -> Markup:
    """Parts side by side; what is missing to the whole stays empty."""
    start, drawn = 0.0, []
    for part in parts:
        width = part.size / whole * 1000 if whole > 0 else 0
        title = tag("title", part.words)
        drawn.append(
            tag("rect", title, class_=part.style, x=f"{start:.1f}", y=0, width=f"{width:.1f}", height=16)
        )
        start += width
    return tag(
        "svg",
        tag("rect", class_="rest", x=0, y=0, width=1000, height=16),
        drawn,
        class_="bar",
        viewBox="0 0 1000 16",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _row(mark: Mark, y: float, x: object) -> Markup:
    assert callable(x)
    whisker = (
        tag("line", x1=x(mark.low), x2=x(mark.high), y1=y, y2=y)
        if mark.low is not None and mark.high is not None
        else None
    )
    dot = tag("circle", cx=x(mark.value), cy=y, r=3.5)
    return tag("g", tag("title", mark.words), whisker, dot, class_=mark.style)


def _tick(x: str, bottom: int, value: float, style: str) -> Markup:
    line = tag("line", class_=style, x1=x, x2=x, y1=0, y2=bottom)
    return joined(
        line, tag("text", f"{value:.6g}".replace("-", "−"), x=x, y=bottom + 11, text_anchor="middle")
    )


def scale_of(marks: Iterable[Mark]) -> tuple[float, float]:
    """The range of the marks and a little more, but not beyond 0 and 1 needlessly."""
    edges = _edges(marks)
    low, high = min(edges), max(edges)
    pad = max((high - low or abs(high) or 1.0) * 0.05, 1e-9)
    return (
        max(0.0, low - pad) if low >= 0 else low - pad,
        min(1.0, high + pad) if high <= 1 and low >= 0 else high + pad,
    )


def centred_scale(marks: Iterable[Mark]) -> tuple[float, float]:
    """The range of the marks with 0 in its middle."""
    reach = max(map(abs, _edges(marks))) * 1.05
    return (-reach, reach) if reach > 1e-9 else (-1.0, 1.0)


def _edges(marks: Iterable[Mark]) -> list[float]:
    return [x for mark in marks for x in (mark.value, mark.low, mark.high) if x is not None]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the range, three to five of them."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough)
    return [
        round(step * n, 12) for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]
