"""A measure of your own: a function with a decorator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import get_args

from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Metric, Need, SetMetric

Measured = Callable[[Case], float | None]
_own: dict[str, Metric | SetMetric] = {}


@dataclass(frozen=True, slots=True)
class FunctionMetric:
    """A measure made of a function from a case to a number.

    It is called like the function itself, so that a test of it stays simple.

    >>> from ragkit.evaluation.metrics.own import metric
    >>> @metric("reply.words", needs={"reply"})
    ... def words(case):
    ...     return None if case.outcome.reply is None else len(case.outcome.reply.text.split())
    >>> words.name, sorted(words.needs)
    ('reply.words', ['reply'])
    """

    name: str
    function: Measured = field(kw_only=True, repr=False)
    needs: frozenset[Need] = field(kw_only=True)

    def of(self, case: Case) -> float | None:
        """What the function gives."""
        return self.function(case)

    __call__ = of


def metric(name: str, *, needs: Iterable[Need] = ()) -> Callable[[Measured], FunctionMetric]:
    """Makes a measure of a function, and registers it: suites of this process may then name it.

    Args:
        name: what its column is called. One of ragkit's own names is refused where it is resolved.
        needs: what dataset and pipeline must have, so that a suite that lacks it is refused before it runs.

    Raises:
        EvalError: the name is blank, or a need is unknown.
    """
    needed = frozenset(needs)
    unknown = needed - set(get_args(Need))
    if not name.strip() or unknown:
        what = f"needs {', '.join(sorted(unknown))}" if unknown else "has no name"
        raise EvalError(f"measure {name!r} {what}: expected a name, and needs of {', '.join(get_args(Need))}")

    def made(function: Measured) -> FunctionMetric:
        own = FunctionMetric(name, function=function, needs=needed)
        _own[name] = own
        return own

    return made


def own_metrics() -> dict[str, Metric | SetMetric]:
    """The measures that were made with `metric` in this process, by name."""
    return dict(_own)
