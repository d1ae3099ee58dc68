"""One node, ready to run: takes its input from the run, does its work, and settles what became of it."""

from __future__ import annotations

import asyncio
import inspect
import math
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Final

import anyio

from ragkit.errors import (
    BudgetError,
    ConfigError,
    FilterError,
    GraphError,
    MissingExtraError,
    QueryError,
    StageError,
    StageTimeoutError,
    TenantError,
)
from ragkit.graph.budget import Ledger
from ragkit.graph.checked import CheckedNode
from ragkit.graph.ladder import Rung
from ragkit.graph.merge import merge_for
from ragkit.graph.meter import Meter, enter
from ragkit.graph.pace import Pace, Usual
from ragkit.graph.stage import RunContext
from ragkit.graph.state import Absent, Failure, RunState
from ragkit.graph.threads import in_thread
from ragkit.graph.trace import NodeStatus, NodeTrace
from ragkit.graph.way_out import followed
from ragkit.types import Answer, Context, QueryPlan, Ranking, Rankings

# The asker's own mistakes: no `on_error` hides them, and they are raised as they are.
ASKER_ERRORS = (TenantError, FilterError, QueryError)
# Another attempt meets the same end.
LASTING_ERRORS = (*ASKER_ERRORS, ConfigError, GraphError, MissingExtraError, BudgetError)

BACKOFF_S, MAX_BACKOFF_S = 0.1, 5.0

_PARTS = {
    QueryPlan: "queries",
    Rankings: "arms",
    Ranking: "hits",
    Context: "passages",
    Answer: "sentences",
}


class _Settled:
    """Says that a node has its outcome without having run."""


SETTLED: Final = _Settled()


class Step:
    """A checked node whose stage is set up. `source` is the index of its only input, or -1."""

    __slots__ = (
        "_measure_in", "_measure_out", "_merge", "_run", "gives", "index", "is_async", "is_guarded",
        "is_threaded", "name", "node", "pace", "rung", "source", "sources", "stand_in", "tokenizer", "use",
        "way", "when",
    )  # fmt: skip

    def __init__(self, node: CheckedNode, index: int, sources: tuple[int, ...]) -> None:
        spec, stage = node.spec, node.stage
        self.node, self.index, self.sources = node, index, sources
        self.name, self.use = node.name, stage.use
        self.source = sources[0] if len(sources) == 1 else -1
        self.gives, self.when = node.gives, node.when
        self.stand_in: Step | None = None
        self.rung: Rung | None = None
        self.pace: Pace | None = None
        self.tokenizer: Path | None = None
        self.way: tuple[CheckedNode, ...] | None = None
        self.is_async = inspect.iscoroutinefunction(stage.run)
        # A limit of time can only be kept from outside the thread that does the work.
        self.is_threaded = not self.is_async and (not stage.inline or spec.timeout_s is not None)
        self.is_guarded = bool(spec.timeout_s is not None or spec.retries or node.stand_in)
        self._run: Callable[[Any, RunContext], Any] = stage.run
        self._merge = merge_for(node.takes)
        self._measure_in, self._measure_out = _measure(node.takes), _measure(node.gives)

    @property
    def is_light(self) -> bool:
        """Called directly in the event loop."""
        return not (self.is_async or self.is_threaded or self.is_guarded or self.rung)

    @property
    def fits_in_hop(self) -> bool:
        """Can be called from a worker thread, together with its neighbours."""
        return not (self.is_async or self.is_guarded or self.rung)

    def settle_here(self, state: RunState) -> None:
        """Runs the node in the calling thread."""
        value = self._take(state)
        if value is not SETTLED:
            state.values[self.index] = self._work_here(value, state)

    async def settle(self, state: RunState) -> None:
        """Runs the node with its limits, attempts and stand-in."""
        value = self._take(state)
        if value is not SETTLED:
            state.values[self.index] = await self.perform(value, state)

    # --- its input --------------------------------------------------------------------------------

    def _take(self, state: RunState) -> Any:
        if state.is_bound:
            if self.index in state.known:
                return SETTLED
            state.check_deadline(self.name)
        value = state.values[self.source] if self.source >= 0 else self._joined(state)
        if type(value) is Absent:
            return self._leave_out(value, state)
        if self.node.is_lifted and isinstance(value, Ranking):
            value = Context.of(value)
        if self.when is not None and not self.when.holds(_plan_of(value, state)):
            return self._skip(value, state)
        return value

    def _joined(self, state: RunState) -> Any:
        values = [state.values[source] for source in self.sources]
        present = [value for value in values if type(value) is not Absent]
        if len(present) > 1 and self._merge is not None:
            try:
                return self._merge(present)
            except GraphError as e:
                raise StageError(str(e), stage=self.name) from e
        if present:
            return present[0]
        failures = {f.node: f for absent in values for f in absent.failures}
        return Absent(tuple(failures.values()), at=next((a.at for a in values if a.at), ""))

    def _leave_out(self, absent: Absent, state: RunState) -> _Settled:
        state.values[self.index] = replace(absent, at=absent.at or self.name)
        names = ", ".join(repr(failure.node) for failure in absent.failures)
        trace = NodeTrace(self.name, self.use, perf_counter(), status="skipped")
        trace.error = f"nothing to work on, because {names} failed"
        state.record(trace)
        return SETTLED

    def _skip(self, value: Any, state: RunState) -> _Settled:
        passes = self.node.passes_through
        state.values[self.index] = value if passes else Absent()
        trace = NodeTrace(self.name, self.use, perf_counter(), status="skipped")
        if self._measure_in is not None:
            trace.n_in = self._measure_in(value)
            trace.n_out = trace.n_in if passes else None
        state.record(trace)
        return SETTLED

    # --- its work ---------------------------------------------------------------------------------

    def _work_here(self, value: Any, state: RunState) -> Any:
        ctx = self._begin(value, state)
        try:
            result = self._run(value, ctx)
            if not isinstance(result, self.gives):
                raise self._wrong(result)
        except (Exception, asyncio.CancelledError) as raised:
            error = _as_error(raised)
            self._fail(error, ctx, state)
            return self._without(value, error)
        self._end(result, ctx, state)
        return result

    async def perform(self, value: Any, state: RunState) -> Any:
        """What goes on from this node for a value."""
        rung = self.rung if state.ledger is not None and state.ledger.degrades else None
        if rung is not None and state.ledger is not None and rung.is_skipped(state.ledger):
            state.degrade(f"budget: {self.name} skipped")
            state.record(NodeTrace(self.name, self.use, perf_counter(), status="skipped"))
            return value
        ctx = self._begin(value, state)
        try:
            result = await (self.limited(value, ctx) if rung is None else rung.attempt(self, value, ctx))
        except Exception as error:
            if rung is not None and isinstance(error, BudgetError):
                self._give_up(error, ctx, state, "degraded")
                return await rung.instead(value, error, ctx, state)
            self._fail(error, ctx, state)
            if self.stand_in is None:
                return self._without(value, error)
            return await self._replaced(self.stand_in, value, error, state)
        self._end(result, ctx, state)
        return result

    async def _replaced(self, stand_in: Step, value: Any, error: Exception, state: RunState) -> Any:
        try:
            result = await stand_in.perform(value, state)
        except StageError as e:
            e.add_note(f"it stood in for {self.name!r}, which had failed with {_said(error)}")
            raise
        if _denies(result) and isinstance(value, Context) and value.passages:
            # The one that failed might have found an answer: to deny that there is any would be a guess.
            raise StageError(
                f"{_said(error)}. {stand_in.name!r}, which stands in for it, found no answer in the "
                f"{len(value.passages)} passages, and cannot tell that there is none",
                stage=self.name,
            ) from error
        return result

    async def limited(self, value: Any, ctx: RunContext) -> Any:
        """The stage's result, within the limits of its node."""
        until = math.inf if ctx.budget is None else ctx.budget.until
        if until == math.inf:
            return await (self._in_time(value, ctx) if self.is_guarded else self._once(value, ctx))
        with anyio.move_on_after(until - monotonic()):
            return await (self._in_time(value, ctx) if self.is_guarded else self._once(value, ctx))
        raise BudgetError(f"{self.name}: no result in the time that the budget left for it")

    async def _in_time(self, value: Any, ctx: RunContext) -> Any:
        timeout_s = self.node.spec.timeout_s
        if timeout_s is None:
            return await self._attempts(value, ctx)
        with anyio.move_on_after(timeout_s):
            return await self._attempts(value, ctx)
        raise StageTimeoutError(f"no result within its timeout_s of {timeout_s:g}", stage=self.name)

    async def _attempts(self, value: Any, ctx: RunContext) -> Any:
        for failed in range(self.node.spec.retries):
            try:
                return await self._once(value, ctx)
            except LASTING_ERRORS:
                raise
            except Exception as error:
                ctx.trace.attempts += 1
                ctx.trace.error = _said(error)
                pause_s = min(MAX_BACKOFF_S, BACKOFF_S * 2**failed)
                # Between half and all of it, so that callers that failed together do not return together.
                await anyio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  (no secret depends on it)
        return await self._once(value, ctx)

    async def _once(self, value: Any, ctx: RunContext) -> Any:
        try:
            if self.is_async:
                result = await self._run(value, ctx)
            elif self.is_threaded:
                result = await in_thread(self._run, value, ctx)
            else:
                result = self._run(value, ctx)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            raise _as_error(error) from error
        if not isinstance(result, self.gives):
            raise self._wrong(result)
        return result

    # --- its outcome ------------------------------------------------------------------------------

    def _begin(self, value: Any, state: RunState) -> RunContext:
        trace = NodeTrace(self.name, self.use)
        if self._measure_in is not None:
            trace.n_in = self._measure_in(value)
        state.running[self.name] = trace
        trace.start_s = perf_counter()
        ctx = RunContext(trace, state.deadline, state.degraded, state.emit)
        if state.emit is not None:
            ctx.follower = state.followers.get(self.name)
            if self.way is not None:
                ctx.onward = partial(followed, self.way, followers=state.followers)
        if state.ledger is not None:
            ctx.budget = self._meter(value, ctx, state.ledger)
            enter(ctx.budget)
        return ctx

    def _meter(self, value: Any, ctx: RunContext, ledger: Ledger) -> Meter:
        meter = Meter(ledger, self.name, value, degrade=ctx.degrade, tokenizer=self.tokenizer)
        if ledger.deadline is not None:
            meter.until = ledger.deadline
        if self.rung is not None and ledger.degrades:
            meter.until, meter.tight = self.rung.until(ledger), self.rung.tight(ledger)
        return meter

    def _end(self, result: Any, ctx: RunContext, state: RunState) -> None:
        trace = ctx.trace
        trace.duration_s = perf_counter() - trace.start_s
        if self._measure_out is not None:
            trace.n_out = self._measure_out(result)
        if ctx.budget is not None and self.pace is not None and ctx.budget.ledger.degrades:
            took = ctx.budget.took
            self.pace.took(self.name, Usual(trace.duration_s, tokens=took.tokens, usd=took.usd))
        state.record(trace)

    def _fail(self, error: Exception, ctx: RunContext, state: RunState) -> None:
        """Records the failure; raises unless the node may be done without."""
        is_tolerated = self.node.spec.on_error != "fail" and not isinstance(error, ASKER_ERRORS)
        self._give_up(error, ctx, state, "degraded" if is_tolerated else "failed")
        if is_tolerated:
            if self.name not in state.degraded:
                state.degraded.append(self.name)
            return
        if isinstance(error, (*ASKER_ERRORS, BudgetError)):
            raise error
        if isinstance(error, StageTimeoutError) and error.stage == self.name:
            raise error
        raise StageError(_said(error), stage=self.name) from error

    def _give_up(self, error: Exception, ctx: RunContext, state: RunState, status: NodeStatus) -> None:
        trace = ctx.trace
        if isinstance(error, StageTimeoutError | BudgetError):
            # Its thread may still run: from now on it writes into copies that nobody reads.
            ctx.trace, ctx.degraded, ctx.emit = replace(trace, facts=dict(trace.facts)), [], None
        trace.duration_s = perf_counter() - trace.start_s
        trace.error = _said(error)
        trace.status = status
        state.record(trace)

    def _without(self, value: Any, error: Exception) -> Any:
        if self.node.passes_through:
            return value
        return Absent((Failure(self.name, error),))

    def _wrong(self, result: Any) -> TypeError:
        if inspect.iscoroutine(result):
            result.close()
            return TypeError("run returned a coroutine; declare it as `async def run`")
        return TypeError(
            f"run returned {type(result).__name__}; its annotation promises {self.gives.__name__}"
        )


def _measure(port: type) -> Callable[[Any], int] | None:
    part = next((name for kind, name in _PARTS.items() if issubclass(port, kind)), None)
    if part is None:
        return None
    get = attrgetter(part)
    return lambda value: len(get(value))


def _plan_of(value: Any, state: RunState) -> object:
    return value if isinstance(value, QueryPlan) else getattr(value, "plan", state.values[0])


def _as_error(error: Exception | asyncio.CancelledError) -> Exception:
    """An error for a cancellation that comes from within a stage: a task group would take it for its own
    and end in silence, with a result missing."""
    if isinstance(error, Exception):
        return error
    cancelled = RuntimeError(f"run raised {error!r}, and nobody had cancelled it")
    cancelled.__cause__ = error
    return cancelled


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return anyio.current_effective_deadline() == -math.inf or (task is not None and task.cancelling() > 0)


def _denies(result: Any) -> bool:
    """Whether it says that there is no answer; not, that there are several which contradict each other."""
    return isinstance(result, Answer) and result.abstained and result.reason != "conflicting"


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
