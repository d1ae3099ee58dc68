"""Stages that end as none should: with a cancellation nobody asked for, or with the end of the program."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from ragkit.errors import StageError
from ragkit.graph.check import check
from ragkit.graph.runner import Graph
from ragkit.graph.spec import GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage, fan_out
from ragkit.graph.sync import run_sync
from ragkit.types import QueryPlan, Ranking, Rankings

PLAN = QueryPlan.of("asked")


class Wait(Stage[QueryPlan, Rankings]):
    async def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        await anyio.sleep(0.05)
        return Rankings(plan, ())


class Stray(Stage[QueryPlan, Rankings]):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        await anyio.sleep(0)
        raise self.error


class PlainStray(Stage[QueryPlan, Rankings]):
    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        raise asyncio.CancelledError


class Fuse(Stage[Rankings, Ranking]):
    inline = True

    def run(self, rankings: Rankings, ctx: RunContext) -> Ranking:
        return Ranking(rankings.plan, ())


def graph(*branches: Stage[QueryPlan, Rankings]) -> Graph:
    return Graph(check(GraphSpec.of(fan_out(*branches) >> Fuse())), resources=None)


STRAYS = [Stray(asyncio.CancelledError("pool is gone")), PlainStray()]


@pytest.mark.parametrize("stray", STRAYS)
def test_a_cancellation_nobody_asked_for_is_a_failure_of_its_stage(stray: Stage[QueryPlan, Rankings]) -> None:
    for branches in ([stray], [Wait(), stray], [stray, Wait()]):
        with pytest.raises(StageError, match=r"run raised CancelledError.*nobody had cancelled it"):
            run_sync(graph(*branches).run(PLAN))


@pytest.mark.parametrize("stray", STRAYS)
def test_it_is_skipped_where_failures_are(stray: Stage[QueryPlan, Rankings]) -> None:
    nodes = (
        NodeSpec("stray", stray, on_error="skip"),
        NodeSpec("wait", Wait()),
        NodeSpec("fuse", Fuse(), inputs=("stray", "wait")),
    )
    result = run_sync(Graph(check(GraphSpec(nodes, "fuse")), resources=None).run(PLAN))
    assert isinstance(result.value, Ranking)
    assert result.degraded == ("stray",)


def test_a_task_that_is_cancelled_ends_as_cancelled() -> None:
    async def cancelled() -> bool:
        task = asyncio.create_task(graph(Wait(), Wait()).run(PLAN))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run_sync(cancelled())


@pytest.mark.parametrize("end", [SystemExit(3), KeyboardInterrupt()])
def test_the_standing_loop_outlives_a_branch_that_ends_the_program(end: BaseException) -> None:
    with pytest.raises(type(end)):
        run_sync(graph(Wait(), Stray(end)).run(PLAN))
    assert isinstance(run_sync(graph(Wait(), Wait()).run(PLAN)).value, Ranking)
