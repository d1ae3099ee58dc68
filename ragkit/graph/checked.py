"""A graph that has passed `check`: in topological order, with every decision of the check in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ragkit.graph.spec import NodeSpec
from ragkit.graph.stage import Stage
from ragkit.graph.when import When


@dataclass(frozen=True, slots=True)
class CheckedNode:
    """A node whose types, inputs and conditions are known to be right.

    Args:
        spec: the node as it was declared.
        inputs: the nodes it reads; empty for a stand-in, which gets the input of the node it replaces.
        is_lifted: a `Ranking` among its inputs becomes a `Context` first.
        when: the condition to run, read.
        stand_in: the node that runs in its place when it fails, or None.
    """

    spec: NodeSpec
    takes: type
    gives: type
    inputs: tuple[str, ...] = field(kw_only=True)
    is_lifted: bool = field(default=False, kw_only=True)
    when: When | None = field(default=None, kw_only=True)
    stand_in: str | None = field(default=None, kw_only=True)

    @property
    def name(self) -> str:
        """The node's name."""
        return self.spec.name

    @property
    def stage(self) -> Stage[Any, Any]:
        """The node's stage."""
        return self.spec.stage

    @property
    def passes_through(self) -> bool:
        """Where it is skipped its input goes on in its place; otherwise its output is absent."""
        return self.takes is self.gives

    @property
    def may_be_absent(self) -> bool:
        """Its condition can leave its consumers without its output."""
        return self.when is not None and not self.passes_through


@dataclass(frozen=True, slots=True)
class CheckedGraph:
    """Nodes in topological order; `aside` holds those that only stand in for others or are called by name."""

    nodes: tuple[CheckedNode, ...]
    output: str
    takes: type
    gives: type
    aside: tuple[CheckedNode, ...] = ()

    def node(self, name: str) -> CheckedNode:
        """The node of that name, aside or not."""
        return next(node for node in (*self.nodes, *self.aside) if node.name == name)
