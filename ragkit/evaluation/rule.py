"""The language of a gate: `< 0.9`, `> 250 ms`, `drop > 0.01 significant`, `rise > 20 %`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ragkit.errors import EvalError
from ragkit.evaluation.direction import is_drop_no_loss

EXAMPLES = '"< 0.9", "> 250 ms", "drop > 0.01", "drop > 0.01 significant", "drop > 2 %", "rise > 20 %"'
COUNTS = ("errors", "degraded")
"""Counts of questions that every run has: those that failed, and those that a stage failed for and was done
without."""
TIMES = ("latency.p50", "latency.p95")
"""Seconds that a question takes, asked alone: every run has them that times its questions."""

_NUMBER = r"(?P<number>\d+(?:\.\d*)?|\.\d+)"
_ABSOLUTE = re.compile(rf"(?P<sign><=|>=|<|>)\s*{_NUMBER}\s*(?P<unit>ms|s|%)?")
_CHANGE = re.compile(
    rf"(?P<kind>drop|rise)(?:\s*>\s*{_NUMBER}\s*(?P<unit>ms|s|%)?)?(?P<significant>\s+significant)?"
)
_SIGNS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
_SCALES = {"ms": 1e-3, "%": 1e-2}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of `fail_if`, read: when it is true, the gate does not hold. Made by `parse_rule`.

    Args:
        metric: the measure that it looks at.
        written: the rule as written.
        kind: `value` looks at the figure itself; `drop` and `rise` at its change from a baseline.
        sign: of a `value` rule: how the figure compares with the limit when the gate does not hold.
        limit: in the unit of the measure, seconds for times; of a change, how much is let through.
        is_relative: the limit of a change is a share of the baseline's figure.
        is_significant: a change counts only where a paired test says that it is no chance.

    >>> rule = parse_rule("nDCG@10", "drop > 0.01 significant")
    >>> rule.kind, rule.limit, rule.is_significant
    ('drop', 0.01, True)
    """

    metric: str
    written: str
    kind: Literal["value", "drop", "rise"] = field(kw_only=True)
    sign: str = field(default=">", kw_only=True)
    limit: float = field(default=0.0, kw_only=True)
    is_relative: bool = field(default=False, kw_only=True)
    is_significant: bool = field(default=False, kw_only=True)

    @property
    def compares(self) -> bool:
        """Whether it needs a baseline."""
        return self.kind != "value"

    def is_broken_by(self, value: float) -> bool:
        """Whether a figure is beyond the limit of a `value` rule."""
        return _SIGNS[self.sign](value, self.limit)

    def is_passed_by(self, change: float, before: float) -> bool:
        """Whether a change, higher is positive, goes further than this `drop` or `rise` lets through."""
        # A drop of exactly 0.01 is not beyond it, whatever 0.75 - 0.74 is to a computer.
        margin = self.limit * abs(before) if self.is_relative else self.limit
        moved = -change if self.kind == "drop" else change
        return moved > margin + 1e-12


def parse_rule(metric: str, written: str) -> Rule:
    """The rule that is written for a measure.

    Raises:
        EvalError: it is no rule, or its unit does not fit the measure.

    >>> parse_rule("latency.p95", "> 250 ms").limit
    0.25
    """
    text = " ".join(written.split())
    absolute, change = _ABSOLUTE.fullmatch(text), _CHANGE.fullmatch(text)
    parts = absolute or change
    if parts is None:
        raise EvalError(f"{written!r} is no rule. A rule says when the gate fails: {EXAMPLES}")
    unit = parts["unit"]
    if unit in ("ms", "s") and metric not in TIMES:
        raise EvalError(f"{written!r}: {metric} is no time, so its limit has no unit {unit!r}")
    if unit == "%" and absolute and metric in (*COUNTS, *TIMES):
        raise EvalError(f"{written!r}: {metric} is no share, so its limit is no percentage")
    limit = float(parts["number"] or 0) * _SCALES.get(unit or "", 1.0)
    if absolute:
        return Rule(metric, written, kind="value", sign=absolute["sign"], limit=limit)
    if parts["kind"] == "drop" and is_drop_no_loss(metric):
        raise EvalError(f"{written!r}: less of {metric} is better, so that a drop is no loss. Write rise")
    if metric in (*COUNTS, *TIMES) and parts["significant"]:
        raise EvalError(f"{written!r}: {metric} has no values by question to test. Leave significant out")
    return Rule(
        metric,
        written,
        kind="drop" if parts["kind"] == "drop" else "rise",
        limit=limit,
        is_relative=unit == "%",
        is_significant=bool(parts["significant"]),
    )
