"""What the runner costs: a pipeline of six stages that do nothing, in microseconds per run.

    OMP_NUM_THREADS=1 python evals/benchmarks/graph_overhead.py [--runs 40] [--repeats 101]

Each contender is timed in turn, in sections shorter than a time slice of the scheduler, so that a busy moment
of the machine falls on all of them and spoils few. Printed are the median and the least of the repeats, and
the median's ratio to a plain chain of awaits. Peers are timed where they are installed: haystack-ai,
langchain-core.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ragkit.graph.check import check
from ragkit.graph.runner import Graph
from ragkit.graph.spec import GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage, fan_out
from ragkit.types import QueryPlan, Rankings

STAGES = 6
Run = Callable[[], Awaitable[object]]


class Inline(Stage[str, str]):
    inline = True

    def run(self, value: str, ctx: RunContext) -> str:
        return value


class Plain(Inline):
    inline = False


class Async(Stage[str, str]):
    async def run(self, value: str, ctx: RunContext) -> str:
        return value


class Retrieve(Stage[QueryPlan, Rankings]):
    inline = True

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        return Rankings(plan, ())


class RetrieveAsync(Stage[QueryPlan, Rankings]):
    async def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        return Rankings(plan, ())


class Same(Stage[Rankings, Rankings]):
    inline = True

    def run(self, rankings: Rankings, ctx: RunContext) -> Rankings:
        return rankings


def plain_chain() -> Run:
    async def stage(value: str) -> str:
        return value

    async def run() -> object:
        value = "x"
        for _ in range(STAGES):
            value = await stage(value)
        return value

    return run


def chain_of(kind: type[Stage[str, str]], **conduct: Any) -> Run:
    nodes = [NodeSpec("n0", kind(), **conduct)]
    nodes += [NodeSpec(f"n{i}", kind(), inputs=(f"n{i - 1}",), **conduct) for i in range(1, STAGES)]
    graph = Graph(check(GraphSpec(tuple(nodes), nodes[-1].name)), None)
    return lambda: graph.run("x")


def fork_of(kind: type[Stage[QueryPlan, Rankings]]) -> Run:
    flow = fan_out(kind(), kind()) >> Same() >> Same() >> Same() >> Same()
    graph, plan = Graph(check(GraphSpec.of(flow)), None), QueryPlan.of("x")
    return lambda: graph.run(plan)


def haystack_chain() -> Run:
    haystack: Any = importlib.import_module("haystack")
    component = haystack.component

    @component
    class Nothing:
        @component.output_types(value=str)  # type: ignore[untyped-decorator]
        def run(self, value: str) -> dict[str, str]:
            return {"value": value}

    pipeline = haystack.Pipeline()
    for i in range(STAGES):
        pipeline.add_component(f"n{i}", Nothing())
    for i in range(1, STAGES):
        pipeline.connect(f"n{i - 1}.value", f"n{i}.value")

    async def run() -> object:
        return pipeline.run({"n0": {"value": "x"}})

    return run


def langchain_chain() -> Run:
    runnables: Any = importlib.import_module("langchain_core.runnables")

    async def stage(value: str) -> str:
        return value

    chain = runnables.RunnableLambda(stage)
    for _ in range(STAGES - 1):
        chain = chain | runnables.RunnableLambda(stage)
    return lambda: chain.ainvoke("x")


def contenders() -> dict[str, Run]:
    chosen = {
        "plain chain of awaits": plain_chain(),
        "ragkit, inline stages": chain_of(Inline),
        "ragkit, async stages": chain_of(Async),
        "ragkit, inline, on_error: skip": chain_of(Inline, on_error="skip"),
        "ragkit, async, timeout and retries": chain_of(Async, timeout_s=10.0, retries=2),
        "ragkit, plain stages (one thread hop)": chain_of(Plain),
        "ragkit, fork of two inline + 4": fork_of(Retrieve),
        "ragkit, fork of two async (tasks) + 4": fork_of(RetrieveAsync),
    }
    if importlib.util.find_spec("haystack"):
        chosen["haystack Pipeline.run"] = haystack_chain()
    if importlib.util.find_spec("langchain_core"):
        chosen["langchain-core LCEL ainvoke"] = langchain_chain()
    return chosen


async def timed(run: Run, runs: int) -> float:
    started = time.perf_counter()
    for _ in range(runs):
        await run()
    return (time.perf_counter() - started) / runs * 1e6


async def measure(runs: int, repeats: int) -> dict[str, list[float]]:
    chosen = contenders()
    for run in chosen.values():
        await timed(run, 20)
    figures: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(repeats):
        for name, run in chosen.items():
            figures[name].append(await timed(run, runs))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=101)
    args = parser.parse_args()
    figures = asyncio.run(measure(args.runs, args.repeats))
    base = statistics.median(next(iter(figures.values())))
    print(f"{STAGES} stages, {args.runs} runs × {args.repeats} repeats, Python {platform.python_version()}")
    print(f"{'':40}{'median µs':>10}{'least µs':>10}{'ratio':>8}")
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"{name:40}{median:10.2f}{min(values):10.2f}{median / base:8.1f}")


if __name__ == "__main__":
    main()
