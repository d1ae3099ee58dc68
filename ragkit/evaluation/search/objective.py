"""What a search is after: `max nDCG@10, min latency.p95`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit.errors import ConfigError

_FORM = re.compile(r"(?P<direction>\S+)\s+(?P<metric>\S+)")
_LATENCY = re.compile(r"latency\.(p(?P<percent>[1-9]\d?)|mean)")
EXAMPLE = "max nDCG@10, min latency.p95"


@dataclass(frozen=True, slots=True)
class Objective:
    """One thing to have more or less of.

    Args:
        metric: the name of a measure that has a value for each question, or `latency.p95`, `latency.mean`.
        is_max: whether more is better.

    >>> Objective("tokens.in", is_max=False).text
    'min tokens.in'
    """

    metric: str
    is_max: bool = field(default=True, kw_only=True)

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{'max' if self.is_max else 'min'} {self.metric}"

    @property
    def is_latency(self) -> bool:
        """Whether it is of time, which is measured apart from the race."""
        return _LATENCY.fullmatch(self.metric) is not None

    @property
    def percent(self) -> int | None:
        """The percentile of a latency; None for its mean."""
        found = _LATENCY.fullmatch(self.metric)
        return int(found["percent"]) if found and found["percent"] else None

    def gain(self, value: float) -> float:
        """The value so that more is better."""
        return value if self.is_max else -value


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """The objectives of a text, the first one being the one that picks the winner.

    Raises:
        ConfigError: it is not written as `max MEASURE, min MEASURE`, or names one twice.

    >>> [objective.text for objective in parse_objectives("max nDCG@10, min latency.p95")]
    ['max nDCG@10', 'min latency.p95']
    """
    found: list[Objective] = []
    for part in text.split(","):
        form = _FORM.fullmatch(part.strip())
        if form is None or form["direction"] not in {"max", "min"}:
            raise ConfigError(
                f"objective {part.strip()!r}: expected max or min and a measure, for example: {EXAMPLE}"
            )
        objective = Objective(form["metric"], is_max=form["direction"] == "max")
        if objective.metric.startswith("latency") and not objective.is_latency:
            raise ConfigError(
                f"objective {part.strip()!r}: expected latency.mean, or latency.p1 to latency.p99"
            )
        if objective.is_latency and objective.is_max:
            raise ConfigError(f"objective {part.strip()!r}: less time is better: min {objective.metric}")
        if objective.metric in {known.metric for known in found}:
            raise ConfigError(f"objective {objective.metric!r} is named twice")
        found.append(objective)
    if all(objective.is_latency for objective in found):
        raise ConfigError(
            "the objectives are of time alone, and the fastest configuration finds nothing: "
            f"name a measure of quality too, for example: {EXAMPLE}"
        )
    return tuple(found)


def metrics_of(objectives: Sequence[Objective]) -> tuple[str, ...]:
    """The measures that have a value for each question."""
    return tuple(objective.metric for objective in objectives if not objective.is_latency)
