"""The truth of `when:` conditions: for one plan, and case by case for every plan there can be."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_ATOMS = 8


@dataclass(frozen=True, slots=True)
class Constant:
    """`true` or `false`."""

    value: bool

    def holds(self, plan: object) -> bool:
        """The constant."""
        return self.value

    def atoms(self) -> set[str]:
        """It asks nothing."""
        return set()

    def decide(self, known: Mapping[str, bool]) -> bool:
        """The constant."""
        return self.value


@dataclass(frozen=True, slots=True)
class Atom:
    """One question about the plan. Two atoms with one `key` ask the same; `negated` wants the answer no."""

    key: str
    test: Callable[[object], Any]
    negated: bool = False

    def holds(self, plan: object) -> bool:
        """What `test`, which has the negation in it, says of the plan."""
        return bool(self.test(plan))

    def atoms(self) -> set[str]:
        """Its own key."""
        return {self.key}

    def decide(self, known: Mapping[str, bool]) -> bool:
        """The truth where the answers to the questions are given."""
        return known[self.key] is not self.negated


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    part: Condition

    def holds(self, plan: object) -> bool:
        """Whether the part does not hold."""
        return not self.part.holds(plan)

    def atoms(self) -> set[str]:
        """The questions of its part."""
        return self.part.atoms()

    def decide(self, known: Mapping[str, bool]) -> bool:
        """The truth where the answers to the questions are given."""
        return not self.part.decide(known)


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions joined by `all` (and) or `any` (or)."""

    join: Callable[[Iterator[bool]], bool]
    parts: tuple[Condition, ...]

    def holds(self, plan: object) -> bool:
        """Whether all, or any, of the parts hold."""
        return self.join(part.holds(plan) for part in self.parts)

    def atoms(self) -> set[str]:
        """The questions of all parts."""
        return set().union(*(part.atoms() for part in self.parts))

    def decide(self, known: Mapping[str, bool]) -> bool:
        """The truth where the answers to the questions are given."""
        return self.join(part.decide(known) for part in self.parts)


Condition = Constant | Atom | Not | Joined


def always_one(conditions: Sequence[Condition]) -> bool:
    """Whether at least one of the conditions holds, whatever the plan."""
    return all(any(case) for case in _cases(conditions))


def never_two(conditions: Sequence[Condition]) -> bool:
    """Whether no two of the conditions hold together, whatever the plan."""
    return all(sum(case) <= 1 for case in _cases(conditions))


def _cases(conditions: Sequence[Condition]) -> Iterator[tuple[bool, ...]]:
    # Takes the questions as independent: it may see cases that cannot be, but never misses one that can.
    atoms = sorted(set().union(*(condition.atoms() for condition in conditions)))
    if len(atoms) > MAX_ATOMS:
        yield (False,) * len(conditions)
        yield (True,) * len(conditions)
        return
    for answers in itertools.product((False, True), repeat=len(atoms)):
        known = dict(zip(atoms, answers, strict=True))
        yield tuple(condition.decide(known) for condition in conditions)
