"""A question's way through the graph, and what stands around it: pinned commit, trace, count of time."""

from __future__ import annotations

import time
from dataclasses import replace

from ragkit.assembly import Assembly
from ragkit.events import Emit
from ragkit.graph.kept_traces import KeptTraces
from ragkit.graph.runner import Graph
from ragkit.types import Answer, QueryPlan


class Answering:
    """Makes the answer of a plan.

    Args:
        graph: takes a plan and gives an answer.
        parts: the live parts, opened.
        traces: where the trace of each run is kept.
    """

    def __init__(self, graph: Graph, parts: Assembly, traces: KeptTraces) -> None:
        self._graph = graph
        self._parts = parts
        self._traces = traces

    async def answer(self, plan: QueryPlan, *, emit: Emit | None = None) -> Answer:
        """The answer, with what it took.

        Args:
            plan: checked, of this collection.
            emit: is given events while the answer is made.

        Raises:
            StageError, TenantError, FilterError, QueryError, BudgetError: see `Graph.run`.
        """
        start = time.perf_counter()
        with self._parts.collection.held(plan) as pinned:
            result = await self._graph.run(pinned, emit=emit)
        answer: Answer = result.value
        return answer.with_(
            degraded=tuple(result.degraded),
            usage=replace(answer.usage, seconds=time.perf_counter() - start),
            trace_id=self._traces.keep(result.trace),
        )
