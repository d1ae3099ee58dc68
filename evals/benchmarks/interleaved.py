"""Times several ways to do the same thing in one process, in turns, so that a busy machine harms all alike.

The clock is the processor time of the process: what other processes take is not counted. With
OMP_NUM_THREADS=1 and nobody else there it is the time that a caller waits.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Way = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds per item of each way, one number per round: the median over the round's items."""

    rounds: Mapping[str, Sequence[float]]

    def ms(self, name: str) -> float:
        """The median over the rounds."""
        return round(statistics.median(self.rounds[name]), 4)

    def ratio(self, name: str, to: str) -> dict[str, float]:
        """The median over the rounds of their ratios, with the least and the greatest."""
        ratios = sorted(a / b for a, b in zip(self.rounds[name], self.rounds[to], strict=True))
        return {
            "median": round(statistics.median(ratios), 3),
            "least": round(ratios[0], 3),
            "greatest": round(ratios[-1], 3),
        }


def in_turns(ways: Mapping[str, Way], items: Sequence[Any], n_rounds: int, block: int = 10) -> Timings:
    """Runs every way over all items in each round, a block of items at a time, in changing order."""
    for way in ways.values():
        for item in items[:block]:
            way(item)
    names = list(ways)
    rounds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(n_rounds):
        times: dict[str, list[float]] = {name: [] for name in names}
        for at in range(0, len(items), block):
            shift = (turn + at // block) % len(names)
            for name in names[shift:] + names[:shift]:
                way = ways[name]
                for item in items[at : at + block]:
                    start = time.process_time()
                    way(item)
                    times[name].append((time.process_time() - start) * 1000)
        for name in names:
            rounds[name].append(statistics.median(times[name]))
    return Timings(rounds)
