"""Two ways to do the same, side by side: each item by both, in changing order, by two clocks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def against(ours: Sequence[float], raw: Sequence[float]) -> dict[str, float]:
    """Medians, and the median of the ratios of neighbours in time."""
    return {
        "ours_ms": round(statistics.median(ours), 3),
        "raw_ms": round(statistics.median(raw), 3),
        "ratio": round(statistics.median(a / b for a, b in zip(ours, raw, strict=True)), 3),
        "n": len(ours),
    }


def times_of(
    n: int, ours: Callable[[int], object], raw: Callable[[int], object]
) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of both ways on each item, by the clock of the wall and that of this process."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in CLOCKS}
    ways = (ours, raw)
    for at in range(n):
        for way in (0, 1) if at % 2 else (1, 0):
            begun = {name: clock() for name, clock in CLOCKS.items()}
            ways[way](at)
            for name, clock in CLOCKS.items():
                times[name][way].append((clock() - begun[name]) * 1e3)
    return times


def take_turns(n: int, ours: Callable[[int], object], raw: Callable[[int], object]) -> dict[str, Any]:
    """Both ways on each item, compared by each clock."""
    return {name: against(*of) for name, of in times_of(n, ours, raw).items()}
