"""A graph that runs: its stages set up once, then any number of runs, each with its trace."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from ragkit.errors import GraphError, StageError, did_you_mean
from ragkit.events import Emit
from ragkit.graph.budget import Ledger
from ragkit.graph.checked import CheckedGraph, CheckedNode
from ragkit.graph.ladder import Ladder, Rung
from ragkit.graph.meter import current_meter, enter
from ragkit.graph.pace import Pace
from ragkit.graph.schedule import Schedule
from ragkit.graph.spec import SOURCE, NodeSpec
from ragkit.graph.stage import Stage
from ragkit.graph.state import Absent, RunState
from ragkit.graph.step import Step
from ragkit.graph.threads import in_thread
from ragkit.graph.trace import Trace
from ragkit.graph.way_out import way_out
from ragkit.protocols import Resources
from ragkit.types import Answer


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gave. `degraded` names each node that failed and was done without, and what stages said."""

    value: Any
    trace: Trace
    degraded: tuple[str, ...] = ()


class Graph:
    """A checked graph with what its stages need.

    `async def` stages run in the event loop. Plain stages run in worker threads, neighbours in one hop;
    inline ones are called where the run just is, in the loop or in such a hop. Branches that wait for nothing
    from each other run together.

    Args:
        checked: what `check` gave.
        resources: what stages are set up with, before the first run.
        ladder: what may be done without where the budget of a run says `degrade`.

    >>> import anyio
    >>> from ragkit.graph.check import check
    >>> from ragkit.graph.spec import GraphSpec
    >>> from ragkit.graph.stage import stage
    >>> @stage("demo/louder", inline=True)
    ... def louder(text: str) -> str:
    ...     return text.upper()
    >>> graph = Graph(check(GraphSpec.of(louder())), resources=None)
    >>> anyio.run(graph.run, "hello").value
    'HELLO'
    """

    def __init__(
        self, checked: CheckedGraph, resources: Resources | None, *, ladder: Ladder | None = None
    ) -> None:
        self.checked = checked
        self._ladder = ladder or Ladder()
        self._resources = resources
        self._is_set_up: set[int] = set()
        self._lock = threading.Lock()
        self._schedule: Schedule | None = None
        self._index = {node.name: 1 + i for i, node in enumerate(checked.nodes)}
        self._output = self._index[checked.output]

    def setup(self) -> None:
        """Sets up every stage, each once; the first run does it where this was not called before.

        Raises what a stage's `setup` raises, with the node's name as a note; a later call goes on from there.
        """
        with self._lock:
            if self._schedule is not None:
                return
            for node in (*self.checked.nodes, *self.checked.aside):
                self._set_up(node.stage, node.name)
            for name, stage in self._ladder.writers.items():
                if stage is not None:
                    self._set_up(stage, name)
            self._schedule = self._compiled()

    async def run(
        self,
        value: object,
        *,
        deadline: float | None = None,
        trace: Trace | None = None,
        known: Mapping[str, object] | None = None,
        observe: Callable[[str, Any], None] | None = None,
        emit: Emit | None = None,
        budget: Ledger | None = None,
    ) -> RunResult:
        """The result for one value, usually a `QueryPlan`.

        Args:
            deadline: when the run must have ended, on the clock of `time.monotonic()`.
            trace: a trace to fill, for those who want it of a failed run as well.
            known: values of nodes, by name, from a run on the same value: these nodes are not run again, and
                the trace does not have them.
            observe: is given the name and the value of each node that has one, in the order of the graph,
                when the run ends, be it well or not.
            emit: is given what the stages tell of an answer that is streamed, from whatever thread they run
                in: `ragkit.events.Telling` makes events of it.
            budget: what the run may take; all calls of chat models are entered there.

        Raises:
            StageError: a node failed under `on_error: fail`, or so many were skipped that nothing is left;
                its causes are kept. `StageTimeoutError` where the node's `timeout_s` passed.
            TenantError, FilterError, QueryError: as the stage raised it, whatever its `on_error`.
            BudgetError: the deadline passed, or a limit was reached for which the ladder has no rung.
            GraphError: the value is not what the graph takes, or a known one not what its node gives.
        """
        if not isinstance(value, self.checked.takes):
            takes, got = self.checked.takes.__name__, type(value).__name__
            raise GraphError(
                f"this graph takes {takes}, not {got}; a question is given as QueryPlan.of(text)"
            )
        schedule = self._schedule or await self._ready()
        if budget is not None and budget.deadline is not None:
            deadline = budget.deadline if deadline is None else min(deadline, budget.deadline)
        trace = Trace(secrets.token_hex(16)) if trace is None else trace
        state = RunState(
            value,
            len(self.checked.nodes),
            trace,
            deadline,
            self._indexed(known) if known else None,
            emit,
            budget,
        )
        before = current_meter()
        try:
            if deadline is None:
                await schedule.run(state)
            else:
                with anyio.move_on_after(deadline - time.monotonic()) as scope:
                    await schedule.run(state)
                if scope.cancelled_caught:
                    raise state.out_of_time()
        finally:
            state.close()
            # The nodes have run in the task of the caller, whose later calls are not of this run.
            enter(before)
            if observe is not None:
                self._show(state, observe)
        result = state.values[self._output]
        if type(result) is Absent:
            raise _nothing_left(result, self.checked.output)
        return RunResult(result, trace, tuple(state.degraded))

    async def _ready(self) -> Schedule:
        # Setting up may load a model, which would hold up the event loop.
        await in_thread(self.setup)
        if self._schedule is None:
            raise GraphError("the graph was not set up")
        return self._schedule

    def _indexed(self, known: Mapping[str, object]) -> dict[int, object]:
        nodes = {node.name: node for node in self.checked.nodes}
        for name, value in known.items():
            if name not in nodes:
                raise GraphError(
                    f"known: the graph has no node {name!r}.{did_you_mean(name, nodes)} "
                    f"Nodes: {', '.join(nodes)}"
                )
            if not isinstance(value, nodes[name].gives):
                gives, got = nodes[name].gives.__name__, type(value).__name__
                raise GraphError(f"known: node {name!r} gives {gives}, not {got}")
        return {self._index[name]: value for name, value in known.items()}

    def _show(self, state: RunState, observe: Callable[[str, Any], None]) -> None:
        for name, index in self._index.items():
            value = state.values[index]
            if value is not None and type(value) is not Absent:
                observe(name, value)

    def _set_up(self, stage: Stage[Any, Any], name: str) -> None:
        if id(stage) in self._is_set_up:
            return
        try:
            # A graph of stages that need nothing has no resources.
            stage.setup(self._resources)  # type: ignore[arg-type]
        except Exception as e:
            e.add_note(f"while setting up the node {name!r} ({stage.use or type(stage).__name__})")
            raise
        self._is_set_up.add(id(stage))

    def _compiled(self) -> Schedule:
        index = {SOURCE: 0} | {node.name: 1 + i for i, node in enumerate(self.checked.nodes)}
        steps = {
            node.name: Step(node, index.get(node.name, -1), tuple(index[name] for name in node.inputs))
            for node in (*self.checked.nodes, *self.checked.aside)
        }
        for step in steps.values():
            step.stand_in = steps.get(step.node.stand_in or "")
            step.way = way_out(self.checked, step.name) if issubclass(step.gives, Answer) else None
        self._put_up_ladder(steps)
        return Schedule([steps[node.name] for node in self.checked.nodes])

    def _put_up_ladder(self, steps: Mapping[str, Step]) -> None:
        ladder = self._ladder
        nodes = {node.name: node for node in self.checked.nodes}
        readers = {name: [n.name for n in nodes.values() if name in n.inputs] for name in nodes}
        last = {name: _last(nodes[name], stage) for name, stage in ladder.writers.items() if stage}
        pace = Pace({**readers, **{step.name: () for step in last.values()}})
        for name in ladder.spared:
            steps[name].rung = Rung(name, pace)
        for name in ladder.writers:
            steps[name].rung = Rung(name, pace, shorten=ladder.shorten, last=last.get(name))
        for step in (*steps.values(), *last.values()):
            step.pace, step.tokenizer = pace, ladder.tokenizer


def _last(node: CheckedNode, stage: Stage[Any, Any]) -> Step:
    """The step that writes in place of a node when its budget does not suffice."""
    spec = NodeSpec(f"{node.name}_instead", stage, inputs=())
    return Step(CheckedNode(spec, node.takes, node.gives, inputs=()), -1, ())


def _nothing_left(absent: Absent, output: str) -> StageError:
    causes = [failure.error for failure in absent.failures]
    said = "; ".join(f"{f.node!r} failed: {type(f.error).__name__}: {f.error}" for f in absent.failures)
    error = StageError(
        f"nothing is left to work on, for all it could read failed: {said}", stage=absent.at or output
    )
    error.__cause__ = causes[0] if len(causes) == 1 else ExceptionGroup(f"{len(causes)} nodes failed", causes)
    return error
