"""What a graph declares, read as far as it can be read, with the problems met on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from ragkit.errors import GraphError, did_you_mean
from ragkit.graph.order import reachable
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Flow, Ports, Stage
from ragkit.graph.when import When
from ragkit.settings import Ref
from ragkit.types import Context, Ranking

POLICIES = ("fail", "skip")


class Declared:
    """The nodes of a graph by name, their types and conditions where these can be read, and who uses whom.

    Args:
        takes: the type of the question; None takes it from the nodes that read the question.
        path: the file, for the beginning of each problem.

    Attributes:
        problems: what is wrong so far, in the order it was met.
        flow: the nodes that the output depends on.
        aside: nodes outside the flow that stand in for others, or that a stage's settings name.
    """

    def __init__(self, spec: GraphSpec, *, takes: type | None, path: str | None) -> None:
        self._path = path
        self.problems: list[str] = []
        self.nodes = self._by_name(spec)
        self.conditions = {name: self._condition(node) for name, node in self.nodes.items()}
        self.ports = {name: self._ports(node) for name, node in self.nodes.items()}
        self._called = {name: self._references(node) for name, node in self.nodes.items()}
        self.edges = {name: self._sources(node) for name, node in self.nodes.items()}
        self.flow = reachable(self.edges, spec.output) & self.nodes.keys()
        self.aside = self._named_only()
        self.question = takes or self._question_type()

    def problem(self, node: NodeSpec, what: str) -> None:
        """Adds a problem of a node."""
        line = f":{node.line}" if node.line else ""
        where = f"{self._path}{line}: query.{node.name}" if self._path else node.name
        self.problems.append(f"{where}: {what}")

    def near(self, name: str) -> str:
        """The end of a message about a node that is not there."""
        return f"{did_you_mean(name, self.nodes)} Nodes: {', '.join(self.nodes) or 'none'}"

    def given(self, name: str) -> type | None:
        """The type that a node, or the question, gives; None where that cannot be read."""
        if name == SOURCE:
            return self.question
        ports = self.ports.get(name)
        return ports.gives if ports else None

    def may_be_absent(self, node: NodeSpec) -> bool:
        """The node's condition can leave its consumers without its output."""
        ports = self.ports[node.name]
        return self.conditions[node.name] is not None and ports is not None and ports.takes is not ports.gives

    def _by_name(self, spec: GraphSpec) -> dict[str, NodeSpec]:
        nodes: dict[str, NodeSpec] = {}
        for node in spec.nodes:
            if node.name in nodes:
                self.problem(node, "two nodes have this name; rename one of them")
            elif not node.name or node.name in {SOURCE, *POLICIES}:
                self.problem(node, f"{node.name!r} cannot be a node's name; choose another")
            nodes.setdefault(node.name, node)
        return nodes

    def _condition(self, node: NodeSpec) -> When | None:
        try:
            return None if node.when is None else When.parse(node.when)
        except GraphError as e:
            self.problem(node, str(e))
            return None

    def _ports(self, node: NodeSpec) -> Ports | None:
        if isinstance(node.stage, Flow):
            self.problem(node, "a node holds one stage; GraphSpec.of(flow) makes the nodes of a flow")
            return None
        try:
            return node.stage.ports
        except GraphError as e:
            self.problem(node, str(e))
            return None

    def _references(self, node: NodeSpec) -> set[str]:
        names = set(_node_references(node.stage))
        for name in sorted(names - self.nodes.keys()):
            self.problem(node, f"its settings name the node {name!r}, which is not there.{self.near(name)}")
        return names & self.nodes.keys()

    def _sources(self, node: NodeSpec) -> list[str]:
        return [name for name in dict.fromkeys(node.inputs) if name in self.nodes and name != node.name]

    def _named_only(self) -> set[str]:
        aside: set[str] = set()
        waiting = list(self.flow)
        while waiting:
            name = waiting.pop()
            named = (self._called[name] | {self.nodes[name].on_error}) & self.nodes.keys()
            new = named - self.flow - aside
            aside |= new
            waiting += new
        return aside

    def _question_type(self) -> type | None:
        readers = [
            ports.takes
            for name, node in self.nodes.items()
            if SOURCE in node.inputs and name in self.flow and (ports := self.ports[name])
        ]
        narrowest = [t for t in readers if all(issubclass(t, other) for other in readers)]
        return next(iter(narrowest + readers), None)


def is_lift(given: type | None, needed: type) -> bool:
    """A ranking becomes a context on its way."""
    return needed is Context and given is not None and issubclass(given, Ranking)


def _node_references(stage: Stage[Any, Any]) -> Iterator[str]:
    config = getattr(stage, "config", None)
    for name, info in getattr(type(config), "model_fields", {}).items():
        if any(_is_node_reference(part) for part in (*info.metadata, info.annotation)):
            value = getattr(config, name)
            values = value if isinstance(value, list | tuple) else (value,)
            yield from (v for v in values if isinstance(v, str))


def _is_node_reference(part: object) -> bool:
    if isinstance(part, Ref):
        return part.kind == "node"
    return any(_is_node_reference(inner) for inner in get_args(part))
