"""What one run has made so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic, perf_counter
from types import MappingProxyType
from typing import Any

from ragkit.errors import BudgetError
from ragkit.events import Emit
from ragkit.graph.budget import Ledger
from ragkit.graph.following import Follower
from ragkit.graph.trace import NodeTrace, Trace

_NOTHING: Mapping[int, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Failure:
    """A node that failed and was skipped."""

    node: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands where a node gave nothing: its condition was false, or `failures` left it nothing to give.

    `at` is the first node that had nothing left to work on.
    """

    failures: tuple[Failure, ...] = ()
    at: str = ""


class RunState:
    """The values of one run by the node's index (0 is the question), its trace, and what runs just now.

    `is_bound` says that there is a deadline, or that values of nodes were `known` before.
    """

    __slots__ = (
        "closed", "deadline", "degraded", "emit", "followers", "is_bound", "known", "ledger", "pending",
        "running", "trace", "values",
    )  # fmt: skip

    def __init__(
        self,
        value: object,
        nodes: int,
        trace: Trace,
        deadline: float | None,
        known: Mapping[int, object] | None = None,
        emit: Emit | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.values: list[Any] = [value, *[None] * nodes]
        self.trace = trace
        self.deadline = deadline
        self.is_bound = deadline is not None or known is not None
        self.known = _NOTHING if known is None else known
        if known is not None:
            for index, made in known.items():
                self.values[index] = made
        self.degraded: list[str] = []
        self.pending: list[int] = []
        self.running: dict[str, NodeTrace] = {}
        self.closed = False
        self.emit = emit
        self.ledger = ledger
        self.followers: dict[str, Follower] = {}

    def record(self, trace: NodeTrace) -> None:
        """Adds a node that has ended to the trace, unless the run itself has ended before."""
        if not self.closed:
            self.running.pop(trace.node, None)
            self.trace.nodes.append(trace)

    def degrade(self, what: str) -> None:
        """Says in the answer what is done without."""
        if what not in self.degraded:
            self.degraded.append(what)

    def check_deadline(self, node: str) -> None:
        """Raises BudgetError when the deadline has passed before `node` starts."""
        if self.deadline is not None and monotonic() >= self.deadline:
            raise self.out_of_time(f"before {node!r} started")

    def out_of_time(self, where: str = "") -> BudgetError:
        """The error of a run that was stopped by its deadline."""
        nodes = " and ".join(map(repr, self.running))
        where = where or (f"while {nodes} ran" if nodes else "while waiting for a worker thread")
        done = ", ".join(f"{n.node} {n.duration_s:.3f} s" for n in self.trace.nodes) or "nothing"
        return BudgetError(
            f"the deadline passed {where} (done: {done}). "
            "Give the run more time, or its slow nodes a `timeout_s` with `on_error: skip`"
        )

    def close(self) -> None:
        """Ends the run: nodes that still run are recorded as stopped, and write into nothing from now on."""
        now = perf_counter()
        for trace in list(self.running.values()):
            # A copy, for an abandoned thread may go on writing into the original.
            self.record(
                replace(
                    trace,
                    duration_s=now - trace.start_s,
                    status="failed",
                    error="stopped before its end",
                    facts=dict(trace.facts),
                )
            )
        self.closed = True
