"""Running a class of checks without a test framework."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: its name, what it asks (its docstring), and the error it ended with, or None."""

    name: str
    asks: str
    error: Exception | None


def run_checks(checks: object, on_result: Callable[[CheckResult], None] | None = None) -> list[CheckResult]:
    """Runs every `test_…` method of `checks` in order of definition; one that fails does not stop the rest.

    >>> class Sums:
    ...     def test_two_and_two(self) -> None:
    ...         assert 2 + 2 == 4
    >>> [result.error for result in run_checks(Sums())]
    [None]
    """
    results = []
    for name, check in _methods(checks):
        error: Exception | None = None
        try:
            check()
        except Exception as e:
            error = e
        result = CheckResult(name, inspect.getdoc(check) or name, error)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


def _methods(checks: object) -> Iterator[tuple[str, Callable[[], None]]]:
    seen: set[str] = set()
    for cls in reversed(type(checks).__mro__):
        for name in vars(cls):
            if name.startswith("test_") and name not in seen:
                seen.add(name)
                yield name, getattr(checks, name)
