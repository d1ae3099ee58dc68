"""How much a search may cost: stage runs, or time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ragkit.errors import ConfigError

_COUNT = re.compile(r"(?P<count>[1-9][0-9_,]*)(?:\s*stage runs)?")
_SHARE = re.compile(r"(?P<percent>\d{1,2}(?:\.\d+)?|100)\s*%")
_TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|m|min|h)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit; one of the three, or none.

    Args:
        stage_runs: so many runs of a stage on a question.
        share: this part of what it takes to ask every configuration every question, each by itself. Stages
            that several have in common are run once, so that the same budget takes them further.
        seconds: so much time.
    """

    stage_runs: int | None = field(default=None, kw_only=True)
    share: float | None = field(default=None, kw_only=True)
    seconds: float | None = field(default=None, kw_only=True)

    def runs(self, whole: int) -> int | None:
        """The limit in stage runs, where `whole` is what the whole grid takes; None where there is none."""
        return self.stage_runs if self.share is None else max(1, int(self.share * whole))


def parse_budget(text: str) -> Budget:
    """The budget of a text: `25%`, `20000`, `30m`, `2h`, or `none`.

    Raises:
        ConfigError: it is none of these.

    >>> parse_budget("2h").seconds, parse_budget("25%").share, parse_budget("20,000").stage_runs
    (7200.0, 0.25, 20000)
    """
    plain = text.strip()
    if plain == "none":
        return Budget()
    if (found := _SHARE.fullmatch(plain)) and float(found["percent"]) > 0:
        return Budget(share=float(found["percent"]) / 100)
    if found := _COUNT.fullmatch(plain):
        return Budget(stage_runs=int(found["count"].replace(",", "").replace("_", "")))
    if (found := _TIME.fullmatch(plain)) and float(found["number"]) > 0:
        return Budget(seconds=float(found["number"]) * _SECONDS[found["unit"]])
    raise ConfigError(
        f"budget {plain!r}: expected a share of the whole grid, stage runs, a time, or none: "
        "25%, 20000, 90s, 30m, 2h"
    )
