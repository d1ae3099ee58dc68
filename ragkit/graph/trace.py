"""What happened in a run, node by node: when, how long, how much, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

NodeStatus = Literal["ok", "skipped", "failed", "degraded"]


@dataclass(slots=True)
class NodeTrace:
    """One node's part of a trace. Times are seconds on `time.perf_counter()`'s clock.

    `n_in` and `n_out` are the sizes of what went in and came out (hits, passages, sentences), or None.
    """

    node: str
    use: str
    start_s: float = 0.0
    duration_s: float = 0.0
    status: NodeStatus = "ok"
    n_in: int | None = None
    n_out: int | None = None
    error: str | None = None
    attempts: int = 1
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Trace:
    """All nodes of one run, in order of their end. `facts` are about the run as a whole."""

    id: str
    nodes: list[NodeTrace] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """From the first node's start to the last node's end."""
        if not self.nodes:
            return 0.0
        return max(n.start_s + n.duration_s for n in self.nodes) - min(n.start_s for n in self.nodes)
