"""A graph as data: what YAML compiles to and what `a >> b` builds, before any check or run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ragkit.graph.stage import Flow, Stage

SOURCE = "question"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node: its stage and how it is run.

    Args:
        name: unique in the graph.
        stage: a stage with its settings, not yet set up.
        inputs: names of the nodes it reads; `question` is the graph's own input.
        when: an expression over the plan; where it is false the node is skipped.
        timeout_s: the node's own limit, for all attempts together.
        retries: further attempts after a failure.
        on_error: `fail`, `skip`, or the name of a node to run in its place.
        line: where the node stands in its file, for messages.
    """

    name: str
    stage: Stage[Any, Any]
    inputs: tuple[str, ...] = field(default=(SOURCE,), kw_only=True)
    when: str | None = field(default=None, kw_only=True)
    timeout_s: float | None = field(default=None, kw_only=True)
    retries: int = field(default=0, kw_only=True)
    on_error: str = field(default="fail", kw_only=True)
    line: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """The nodes of a graph in order of declaration; the last one gives the result unless `output` says so."""

    nodes: tuple[NodeSpec, ...]
    output: str

    @classmethod
    def of(cls, flow: Stage[Any, Any]) -> GraphSpec:
        """The graph of a stage or of stages joined by `>>` and `fan_out`.

        Nodes are named after their stages (`retrieve/dense` becomes `dense`), numbered where that repeats.
        """
        nodes: list[NodeSpec] = []
        _append(flow, (SOURCE,), nodes)
        return cls(tuple(nodes), nodes[-1].name)


def _append(stage: Stage[Any, Any], inputs: tuple[str, ...], nodes: list[NodeSpec]) -> tuple[str, ...]:
    if isinstance(stage, Flow):
        for step in stage.steps:
            inputs = tuple(name for branch in step for name in _append(branch, inputs, nodes))
        return inputs
    base = (stage.use or type(stage).__name__.lower()).rpartition("/")[2]
    taken = {node.name for node in nodes}
    name, n = base, 2
    while name in taken:
        name, n = f"{base}{n}", n + 1
    nodes.append(NodeSpec(name, stage, inputs=inputs))
    return (name,)
