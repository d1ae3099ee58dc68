"""What was checked of a store, against which engine, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ragkit.store.abilities import Engine

Verdict = Literal["certified", "failed", "not certified"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a conformance class.

    Args:
        group: the class.
        name: the method, or empty where the whole class was skipped.
        asks: what it asks, in a sentence.
        outcome: how it ended.
        reason: why it failed or was skipped.
    """

    group: str
    name: str
    asks: str
    outcome: Literal["passed", "failed", "skipped"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many random cases of one shape agreed with the exact oracle; see `Congruence`."""

    shape: str
    n_cases: int
    overlap: float | None = field(default=None, kw_only=True)
    failure: str | None = field(default=None, kw_only=True)
    skipped: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The outcome of all checks of one store.

    >>> Certificate("store/x", ragkit="0.1.0", date="2026-01-01", seed=0).verdict
    'not certified'

    Args:
        store: its registered name.
        ragkit: the version that checked.
        date: when, in UTC.
        seed: of the random cases.
        engine: what it ran on; None where the store does not say.
        abilities: the protocols that it offers.
        is_exact: whether it promises to miss no neighbour.
        pushed_down: operators of filters that the engine evaluates.
        client_side: those that are evaluated outside of it.
        checks: of the conformance classes.
        agreements: with the oracle.
    """

    store: str
    ragkit: str = field(kw_only=True)
    date: str = field(kw_only=True)
    seed: int = field(kw_only=True)
    engine: Engine | None = field(default=None, kw_only=True)
    abilities: tuple[str, ...] = field(default=(), kw_only=True)
    is_exact: bool = field(default=True, kw_only=True)
    pushed_down: tuple[str, ...] = field(default=(), kw_only=True)
    client_side: tuple[str, ...] = field(default=(), kw_only=True)
    checks: tuple[Check, ...] = field(default=(), kw_only=True)
    agreements: tuple[Agreement, ...] = field(default=(), kw_only=True)

    @property
    def counts(self) -> dict[str, int]:
        """How many checks passed, failed and were skipped."""
        counted = Counter(check.outcome for check in self.checks)
        return {outcome: counted[outcome] for outcome in ("passed", "failed", "skipped")}

    @property
    def n_cases(self) -> int:
        """How many random cases were compared with the oracle."""
        return sum(agreement.n_cases for agreement in self.agreements)

    @property
    def failures(self) -> tuple[str, ...]:
        """What did not hold."""
        checks = [f"{c.group}.{c.name}: {c.asks} {c.reason}" for c in self.checks if c.outcome == "failed"]
        return (*checks, *(f"congruence ({a.shape}): {a.failure}" for a in self.agreements if a.failure))

    @property
    def reservations(self) -> tuple[str, ...]:
        """Why this is no certificate although nothing failed."""
        reasons = []
        if self.engine is None:
            reasons.append("the store does not say what it ran against (it has no engine())")
        elif not self.engine.is_real:
            reasons.append(f"it ran against {self.engine.stand_in}, not against {self.engine.name} itself")
        if not self.counts["passed"]:
            reasons.append("no check ran")
        if not self.n_cases:
            skipped = next((a.skipped for a in self.agreements if a.skipped), "no case ran")
            reasons.append(f"it was not compared with the oracle: {skipped}")
        return tuple(reasons)

    @property
    def verdict(self) -> Verdict:
        """`failed` if anything did, `certified` only for the engine itself and with cases compared."""
        if self.failures:
            return "failed"
        return "not certified" if self.reservations else "certified"

    def as_json(self) -> dict[str, Any]:
        """All of it, with the verdict first."""
        facts = {"verdict": self.verdict, "reservations": list(self.reservations), **asdict(self)}
        return {**facts, "counts": self.counts, "n_cases": self.n_cases}
