"""Values that a run hands out, and values that it is given so that nodes are not run again."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit.errors import GraphError, StageError
from ragkit.graph.check import check
from ragkit.graph.runner import Graph
from ragkit.graph.spec import GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage

pytestmark = pytest.mark.anyio


class Mark(Stage[str, str]):
    def __init__(self, mark: str, *, fails: bool = False) -> None:
        super().__init__()
        self.mark, self.fails, self.calls = mark, fails, 0

    def run(self, value: str, ctx: RunContext) -> str:
        self.calls += 1
        if self.fails:
            raise ValueError("no")
        return value + self.mark


def line(*stages: Mark, **conduct: Any) -> Graph:
    nodes = [NodeSpec("n0", stages[0])]
    nodes += [
        NodeSpec(f"n{i}", stage, inputs=(f"n{i - 1}",), **conduct)
        for i, stage in enumerate(stages[1:], start=1)
    ]
    return Graph(check(GraphSpec(tuple(nodes), nodes[-1].name)), None)


async def seen_of(graph: Graph, **given: Any) -> dict[str, str]:
    seen: dict[str, str] = {}
    await graph.run("", observe=seen.__setitem__, **given)
    return seen


async def test_every_value_is_handed_out_in_the_order_of_the_graph() -> None:
    seen = await seen_of(line(Mark("a"), Mark("b"), Mark("c")))
    assert list(seen.items()) == [("n0", "a"), ("n1", "ab"), ("n2", "abc")]


async def test_a_node_whose_value_is_known_does_not_run_and_is_in_no_trace() -> None:
    first, second = Mark("a"), Mark("b")
    result = await line(first, second).run("", known={"n0": "KNOWN "})
    assert (result.value, first.calls, second.calls) == ("KNOWN b", 0, 1)
    assert [node.node for node in result.trace.nodes] == ["n1"]


async def test_a_known_output_is_the_result() -> None:
    stages = Mark("a"), Mark("b")
    assert (await line(*stages).run("", known={"n1": "x", "n0": "y"})).value == "x"
    assert [stage.calls for stage in stages] == [0, 0]


async def test_a_failed_run_hands_out_what_was_made_before() -> None:
    seen: dict[str, str] = {}
    with pytest.raises(StageError, match="no"):
        await line(Mark("a"), Mark("b", fails=True), Mark("c")).run("", observe=seen.__setitem__)
    assert seen == {"n0": "a"}


async def test_the_value_that_passed_by_a_failed_node_is_handed_out() -> None:
    graph = line(Mark("a"), Mark("b", fails=True), on_error="skip")
    assert await seen_of(graph) == {"n0": "a", "n1": "a"}


async def test_what_is_absent_is_not_handed_out() -> None:
    class Length(Stage[str, int]):
        def run(self, value: str, ctx: RunContext) -> int:
            raise ValueError(value)

    class Text(Stage[int, str]):
        def run(self, value: int, ctx: RunContext) -> str:
            return str(value)

    nodes = (
        NodeSpec("length", Length(), on_error="skip"),
        NodeSpec("text", Text(), inputs=("length",)),
    )
    seen: dict[str, Any] = {}
    with pytest.raises(StageError, match="nothing is left"):
        await Graph(check(GraphSpec(nodes, "text")), None).run("x", observe=seen.__setitem__)
    assert not seen


async def test_a_known_value_of_no_node_is_refused() -> None:
    with pytest.raises(GraphError, match=r"no node 'n7'.*Nodes: n0, n1"):
        await line(Mark("a"), Mark("b")).run("", known={"n7": "x"})


async def test_a_known_value_of_another_type_is_refused() -> None:
    with pytest.raises(GraphError, match="'n0' gives str, not int"):
        await line(Mark("a"), Mark("b")).run("", known={"n0": 5})
