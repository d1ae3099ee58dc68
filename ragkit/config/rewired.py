"""A configuration with another graph, wired in Python."""

from __future__ import annotations

from dataclasses import replace

from ragkit.config.spec import ComponentSpec, Config
from ragkit.errors import GraphError
from ragkit.graph.spec import GraphSpec
from ragkit.graph.stage import Stage
from ragkit.types import Answer, QueryPlan


def rewired(config: Config, graph: Stage[QueryPlan, Answer] | GraphSpec) -> Config:
    """The configuration with stages of one's own wiring (`a >> b`, `fan_out(a, b)`) in place of its graph.

    Raises:
        GraphError: it is no graph.
    """
    if not isinstance(graph, Stage | GraphSpec):
        raise GraphError(f"graph: expected stages joined by >> and fan_out, got {type(graph).__name__}")
    spec = graph if isinstance(graph, GraphSpec) else GraphSpec.of(graph)
    stages = {node.name: ComponentSpec(node.stage.use, settings=node.stage.config) for node in spec.nodes}
    return replace(config, graph=spec, stages=stages)
