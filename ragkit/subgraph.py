"""Parts of a graph, cut out of the whole: what retrieves, asked for `k`, and what a model would be asked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from threading import Lock
from typing import Any, Literal

from pydantic import ValidationError

from ragkit.chat import Message, Prompted
from ragkit.errors import GraphError, QueryError, did_you_mean
from ragkit.graph.check import check
from ragkit.graph.checked import CheckedGraph
from ragkit.graph.ladder import Ladder
from ragkit.graph.runner import Graph
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Ports, RunContext, Stage
from ragkit.protocols import Resources
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Context, Ranking

GRAPHS_KEPT = 16

Retriever = Literal["dense", "bm25", "hybrid", "full"]
_KIND = {"dense": "retrieve/dense", "bm25": "retrieve/bm25"}


class RetrievalGraphs:
    """The graphs that retrieve alone, made when first asked for; the last 16 are kept.

    Args:
        spec: the whole graph.
        resources: what stages are set up with.
        ladder: what may be done without in a graph where a budget runs short.
    """

    def __init__(
        self, spec: GraphSpec, resources: Resources, *, ladder: Callable[[CheckedGraph], Ladder | None]
    ) -> None:
        self._spec, self._resources, self._ladder = spec, resources, ladder
        self._kept: OrderedDict[tuple[Retriever, int], Graph] = OrderedDict()
        self._lock = Lock()

    def graph(self, retriever: Retriever, k: int) -> Graph:
        """The one that gives `k` hits; any number of threads may ask for it."""
        key = (retriever, k)
        # Another thread may drop what this one has just kept, so it is not looked up again.
        graph = self._kept.get(key)
        if graph is None:
            checked = check(retrieval_graph(self._spec, retriever, k))
            graph = Graph(checked, self._resources, ladder=self._ladder(checked))
            with self._lock:
                self._kept[key] = graph
                while len(self._kept) > GRAPHS_KEPT:
                    self._kept.popitem(last=False)
        return graph


def retrieval_graph(spec: GraphSpec, retriever: Retriever, k: int) -> GraphSpec:
    """The nodes of `spec` that make a ranking, with every cut on the way wide enough for `k`.

    Args:
        spec: a whole graph.
        retriever: one arm alone, `hybrid` up to the first ranking, `full` up to the last one.
        k: how many hits the ranking shall have.

    Raises:
        QueryError: the graph has no such retriever, or nothing that makes a ranking.
    """
    if retriever in _KIND:
        arm = next((node for node in spec.nodes if node.stage.use == _KIND[retriever]), None)
        if arm is None:
            raise QueryError(
                f"the graph has no {_KIND[retriever]} stage, so it cannot retrieve by {retriever} alone"
            )
        name = f"{arm.name}_alone"
        ranked = NodeSpec(name, WeightedFuse(k=k, weights={retriever: 1.0}), inputs=(arm.name,))
        nodes = (*_upstream(spec, arm.name), ranked)
    else:
        makers = [node for node in spec.nodes if node.stage.ports.gives is Ranking]
        if not makers:
            raise QueryError(
                "the graph has no stage that makes a ranking (fuse/…), so it cannot retrieve alone"
            )
        name = (makers[0] if retriever == "hybrid" else makers[-1]).name
        nodes = _upstream(spec, name)
    widened = tuple(replace(node, stage=_wide(node.stage, k, exact=node.name == name)) for node in nodes)
    return GraphSpec(widened, name)


def _upstream(spec: GraphSpec, name: str) -> tuple[NodeSpec, ...]:
    by_name = {node.name: node for node in spec.nodes}
    needed, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current != SOURCE and current not in needed:
            needed.add(current)
            waiting.extend(by_name[current].inputs)
            if by_name[current].on_error in by_name:
                waiting.append(by_name[current].on_error)
    return tuple(node for node in spec.nodes if node.name in needed)


def _wide(stage: Stage[Any, Any], k: int, *, exact: bool) -> Stage[Any, Any]:
    """The stage with its `k` at least as large as asked for, or just that where the ranking is cut."""
    fields = type(stage.config).model_fields
    changed: dict[str, Any] = {}
    for name in fields.keys() & {"k", "candidates"}:
        own = getattr(stage.config, name)
        if type(own) is int:
            changed[fields[name].alias or name] = k if exact and name == "k" else max(k, own)
    if not changed:
        return stage
    # A copy, and not a new stage: one made in code may hold more than its settings.
    wider = copy(stage)
    try:
        wider.config = type(stage.config)(**{**stage.config.as_keywords(), **changed})
    except ValidationError as e:
        raise QueryError(f"k={k}: {stage.use} cannot give so many: {e.errors()[0]['msg']}") from e
    return wider


class AskedFor(Stage[Any, Any]):
    """Stands where a stage would ask a chat model, and gives what would be said instead."""

    use = "prompt/shown"

    def __init__(self, stage: Stage[Any, Any]) -> None:
        super().__init__()
        self.stage = stage

    @property
    def ports(self) -> Ports:
        """Takes what the stage takes."""
        return Ports(self.stage.ports.takes, tuple)

    def setup(self, resources: Resources) -> None:
        self.stage.setup(resources)

    def run(self, value: Any, ctx: RunContext) -> tuple[Message, ...]:
        assert isinstance(self.stage, Prompted)
        return self.stage.messages(value)


def prompted_node(spec: GraphSpec, name: str | None) -> NodeSpec:
    """The node of that name, or the last one that asks a chat model to answer from passages, or to do more.

    Raises:
        GraphError: there is none.
    """
    asking = [node for node in spec.nodes if _asks(node.stage)]
    if name is None:
        # What follows an answer would have its model asked first, only to show what is asked next.
        from_passages = [node for node in asking if node.stage.ports.takes is Context]
        found = next(reversed(from_passages or asking), None)
    else:
        found = next((node for node in asking if node.name == name), None)
    if found is not None:
        return found
    names = ", ".join(node.name for node in asking)
    if names:
        raise GraphError(
            f"{name!r} is no node with a prompt.{did_you_mean(str(name), names.split(', '))} "
            f"Nodes with one: {names}"
        )
    raise GraphError(
        "no stage of this graph asks a chat model, so there is no prompt. One that does: "
        "generate: {use: generate/cited, llm: …}"
    )


def _asks(stage: Stage[Any, Any]) -> bool:
    """Whether a stage has a prompt, and a model to ask with it: some do without one."""
    return isinstance(stage, Prompted) and getattr(stage.config, "llm", True) is not None


def prompt_graph(spec: GraphSpec, name: str | None) -> GraphSpec:
    """All that runs before a node's model is asked, then what it would be asked.

    Raises:
        GraphError: no such node asks a chat model.
    """
    asking = prompted_node(spec, name)
    # A stand-in is given what the stage that it stands in for reads.
    original = next((node for node in spec.nodes if node.on_error == asking.name), asking)
    shown = NodeSpec(asking.name, AskedFor(asking.stage), inputs=original.inputs, line=asking.line)
    nodes = tuple(shown if node is asking else node for node in spec.nodes)
    return GraphSpec(_upstream(GraphSpec(nodes, shown.name), shown.name), shown.name)


def with_own_stages(spec: GraphSpec) -> GraphSpec:
    """The graph with copies of its stages.

    Setting up binds a stage to one collection. A graph that is given to two `RAG`s would otherwise answer
    from the index of whichever was set up last.
    """
    return replace(spec, nodes=tuple(replace(node, stage=copy(node.stage)) for node in spec.nodes))
