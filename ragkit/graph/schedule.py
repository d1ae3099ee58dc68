"""In which order, in which thread and in which task the nodes of a graph run.

Plain stages that follow each other share a worker thread. Nodes that wait for nothing from each other run
together, in tasks; a graph in which at most one of these does more than a moment's work runs without tasks,
and what takes a moment between two plain stages then rides along in their thread, whatever it reads: each
way there and back costs a question as much as a small search, and more where others wait for the same lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import anyio
from anyio.abc import TaskGroup

from ragkit.graph.order import reachable
from ragkit.graph.state import RunState
from ragkit.graph.step import Step
from ragkit.graph.threads import in_thread


class Unit:
    """Steps that run one after the other without a return to the event loop between them."""

    __slots__ = ("consumers", "in_thread", "index", "is_light", "n_sources", "steps")

    def __init__(self, steps: tuple[Step, ...], index: int) -> None:
        self.steps, self.index = steps, index
        self.is_light = steps[0].is_light and len(steps) == 1
        self.in_thread = all(step.fits_in_hop for step in steps) and not self.is_light
        self.consumers: list[Unit] = []
        self.n_sources = 0

    async def perform(self, state: RunState) -> None:
        """Runs the steps."""
        if self.is_light:
            self.steps[0].settle_here(state)
        elif self.in_thread:
            await in_thread(self.hop, state)
        else:
            await self.steps[0].settle(state)

    def hop(self, state: RunState) -> None:
        """Runs the steps in the calling thread, a worker."""
        for step in self.steps:
            if state.closed:
                return
            step.settle_here(state)


class Schedule:
    """The units of a graph, in an order in which each stands after all it reads."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.units = [Unit(chain, i) for i, chain in enumerate(_chains(steps))]
        by_step = {step.index: unit for unit in self.units for step in unit.steps}
        for unit in self.units:
            for source in {by_step[s].index for s in unit.steps[0].sources if s in by_step}:
                self.units[source].consumers.append(unit)
                unit.n_sources += 1
        self.is_parallel = _has_fork(self.units)
        self._in_turn = () if self.is_parallel else _shared_hops(self.units)
        self._first = [unit for unit in self.units if not unit.n_sources]
        self._n_sources = [unit.n_sources for unit in self.units]

    async def run(self, state: RunState) -> None:
        """Runs all nodes; the first failure stops the others and is raised."""
        if self.is_parallel:
            await self._run_in_tasks(state)
            return
        for unit in self._in_turn:
            # The same as `unit.perform`, without a coroutine for each of the common kinds.
            if unit.is_light:
                unit.steps[0].settle_here(state)
            elif unit.in_thread:
                await in_thread(unit.hop, state)
            else:
                await unit.steps[0].settle(state)

    async def _run_in_tasks(self, state: RunState) -> None:
        state.pending = self._n_sources.copy()
        failures: list[BaseException] = []
        async with anyio.create_task_group() as tasks:
            await self._branch(self._first, state, tasks, failures)
        if failures:
            raise failures[0]

    async def _branch(
        self, ready: list[Unit], state: RunState, tasks: TaskGroup, failures: list[BaseException]
    ) -> None:
        """Runs what is ready and whatever that makes ready, leaving all but one of a fork to new tasks."""
        ready = ready.copy()
        try:
            while ready:
                unit = next((u for u in ready if u.is_light), None)
                if unit is None:
                    unit, *others = ready
                    for other in others:
                        tasks.start_soon(self._branch, [other], state, tasks, failures)
                    ready = [unit]
                ready.remove(unit)
                await unit.perform(state)
                ready += _released(unit.consumers, state)
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            # Collected, not raised: a task group would wrap it in a group and bury the one that matters, and
            # what ends a program ends the event loop when a task raises it, here one that others share.
            failures.append(error)
            tasks.cancel_scope.cancel()


def _released(consumers: Iterable[Unit], state: RunState) -> list[Unit]:
    released = []
    for unit in consumers:
        state.pending[unit.index] -= 1
        if not state.pending[unit.index]:
            released.append(unit)
    return released


def _chains(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """The steps grouped into units: straight lines of plain stages together, all others alone."""
    readers: dict[int, list[Step]] = {}
    for step in steps:
        for source in step.sources:
            readers.setdefault(source, []).append(step)
    chains: list[tuple[Step, ...]] = []
    taken: set[int] = set()
    for step in steps:
        if step.index not in taken:
            chain = _hop_from(step, readers) if step.is_threaded else (step,)
            taken.update(member.index for member in chain)
            chains.append(chain)
    return chains


def _hop_from(step: Step, readers: dict[int, list[Step]]) -> tuple[Step, ...]:
    chain = [step]
    while chain[-1].fits_in_hop:
        following = readers.get(chain[-1].index, [])
        if len(following) != 1 or following[0].source < 0 or not following[0].fits_in_hop:
            break
        chain.append(following[0])
    # What takes a moment rides along between two plain stages, not behind the last one.
    while not chain[-1].is_threaded:
        chain.pop()
    return tuple(chain)


def _shared_hops(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The units of a graph without a fork, those that can share a worker thread as one."""
    shared: list[Unit] = []
    hop: list[Unit] = []
    for unit in (*units, None):
        if unit is not None and (unit.in_thread or (unit.is_light and hop)):
            hop.append(unit)
            continue
        # What takes a moment does not go to a thread for itself.
        last = max((i for i, one in enumerate(hop) if one.in_thread), default=-1) + 1
        if last:
            shared.append(Unit(tuple(step for one in hop[:last] for step in one.steps), hop[0].index))
        shared += hop[last:]
        hop = []
        if unit is not None:
            shared.append(unit)
    return tuple(shared)


def _has_fork(units: Sequence[Unit]) -> bool:
    """Whether two units with real work wait for nothing from each other."""
    following = {str(unit.index): [str(c.index) for c in unit.consumers] for unit in units}
    heavy = [str(unit.index) for unit in units if not unit.is_light]
    behind = {name: reachable(following, name) for name in heavy}
    return any(
        one not in behind[other] and other not in behind[one]
        for one in heavy
        for other in heavy
        if one < other
    )
