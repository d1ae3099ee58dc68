"""Numbers on an axis: where the ticks are and how they are written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from `low` to `high`, which are ticks themselves.

    Args:
        low, high: what the axis spans.
        ticks: ascending.
        digits: behind the point.

    >>> axis = axis_of([0.12, 0.58])
    >>> [axis.written(tick) for tick in axis.ticks]
    ['0.1', '0.2', '0.3', '0.4', '0.5', '0.6']
    """

    low: float
    high: float
    ticks: tuple[float, ...] = field(kw_only=True)
    digits: int = field(kw_only=True)

    def share(self, value: float) -> float:
        """Where on the axis a value is, 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def written(self, value: float) -> str:
        """A tick as text."""
        return f"{value:,.{self.digits}f}"


def axis_of(values: list[float], wanted: int = 5) -> Axis:
    """The axis that holds the values, with about so many ticks at round numbers."""
    low, high = min(values), max(values)
    if high - low < 1e-12 * max(1.0, abs(high)):
        margin = abs(high) * 0.1 or 1.0
        low, high = low - margin, high + margin
    raw = (high - low) / wanted
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw - 1e-12 * unit)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(n * step, 12) for n in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks=ticks, digits=max(0, -math.floor(math.log10(step) + 1e-9)))
