"""A question's way through the graph, and what stands around it: pinned commit, caches, trace, time."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from ragkit.allowance import Allowance
from ragkit.assembly import Assembly
from ragkit.events import Emit, Event, Telling
from ragkit.events.feed import streamed
from ragkit.graph.kept_traces import KeptTraces
from ragkit.graph.runner import Graph
from ragkit.types import Answer, QueryPlan


class Answering:
    """Makes the answer of a plan.

    Args:
        graph: takes a plan and gives an answer.
        parts: the live parts, opened.
        traces: where the trace of each run is kept.
        allowance: what each question may take.
    """

    def __init__(self, graph: Graph, parts: Assembly, traces: KeptTraces, *, allowance: Allowance) -> None:
        self._graph = graph
        self._parts = parts
        self._traces = traces
        self._allowance = allowance

    async def answer(self, plan: QueryPlan, *, emit: Emit | None = None) -> Answer:
        """The answer, with what it took.

        Args:
            plan: checked, of this collection.
            emit: is given what the stages tell while the answer is made.

        Raises:
            StageError, TenantError, FilterError, QueryError, BudgetError: see `Graph.run`.
        """
        collection = self._parts.collection
        with collection.held(plan) as pinned:
            return await self._parts.answers.answer(
                pinned, collection, make=lambda: self._made(pinned, emit), keep_trace=self._traces.keep
            )

    async def _made(self, pinned: QueryPlan, emit: Emit | None) -> Answer:
        start = time.perf_counter()
        ledger = self._allowance.ledger(pinned.tenant)
        result = await self._graph.run(pinned, emit=emit, budget=ledger)
        answer: Answer = result.value
        return answer.with_(
            degraded=tuple(result.degraded),
            usage=replace(ledger.usage(answer.usage), seconds=time.perf_counter() - start),
            trace_id=self._traces.keep(result.trace),
        )

    def stream(self, plan: QueryPlan) -> AsyncGenerator[Event, None]:
        """The events of the answer, which fold to what `answer` gives. Closing it early cancels the run.

        Raises:
            As `answer`, after the events that came before.
        """

        async def tell(listener: Callable[[Event], None]) -> None:
            telling = Telling(listener)
            answer = await self.answer(plan, emit=telling.hear)
            telling.finish(answer)
            self._traces.add(answer.trace_id, telling.facts)

        return streamed(tell)
