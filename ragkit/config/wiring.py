"""The section `query:` → a checked graph: which node reads which, and what else the graph's check finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from ragkit.config.component import STAGES, Reading, as_entries, named_entries, read_component, settings_class
from ragkit.config.decode import Decoder
from ragkit.config.masking import cleaned
from ragkit.config.problems import Spot, shortened
from ragkit.config.spec import NODE_KEYS, ComponentSpec, NodeSettings
from ragkit.config.tree import Entries, Items, Node, Text
from ragkit.errors import GraphError, RagkitError
from ragkit.graph.check import check
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Ports, Stage, ports_of
from ragkit.settings import NodeRef, Settings
from ragkit.types import QueryPlan

_UNREAD = "its types are not known, for it could not be read"


@dataclass(frozen=True, slots=True)
class Wiring:
    """The nodes' components by name and the graph they make."""

    stages: Mapping[str, ComponentSpec]
    graph: GraphSpec


class _Unread(Stage[Any, Any]):
    """Stands for a stage with a mistake in it, so that the rest of the graph can be checked all the same."""

    def __init__(self, cls: Any, config: Settings) -> None:
        self.cls = cls
        self.config = config

    @property
    def ports(self) -> Ports:
        """Those of the stage's class, where that is known."""
        if self.cls is None:
            raise GraphError(_UNREAD)
        return ports_of(self.cls)


class _Mentions(Settings):
    """What a stage of unknown class may have named: any text in its settings that is a node's name."""

    nodes: list[NodeRef]


def read_query(node: Node, at: Spot, decoder: Decoder) -> Wiring | None:
    """Reads all nodes and checks the graph they make; None after a mistake in any of them."""
    before = len(decoder.problems.found)
    entries = dict(named_entries(node, at, decoder, "a stage"))
    if not entries:
        if isinstance(node, Entries):
            decoder.problems.add(at, "expected at least one node")
        return None
    nodes: list[NodeSpec] = []
    stages: dict[str, ComponentSpec] = {}
    is_wired = True
    previous = SOURCE
    for name, entry in entries.items():
        spot = at.key(name, entry.place)
        reading = read_component(entry.node, spot, STAGES, decoder, NodeSettings)
        run = _run_settings(entry.node, spot, decoder)
        is_wired = is_wired and run is not None
        stage = _stage(reading, entry.node, entries, decoder)
        nodes.append(_node_spec(name, stage, run or NodeSettings(), previous, entry.place.line))
        if reading.spec:
            stages[name] = reading.spec
        previous = name
    graph = GraphSpec(tuple(nodes), previous)
    # With an edge that cannot be read, most of what the check would find is a consequence of that.
    if is_wired:
        _check(graph, entries, at, decoder)
    if before != len(decoder.problems.found):
        return None
    return Wiring(MappingProxyType(stages), graph)


def _run_settings(node: Node, at: Spot, decoder: Decoder) -> NodeSettings | None:
    written = as_entries(node)
    if not isinstance(written, Entries):
        return NodeSettings()
    keys = {key: entry for key, entry in written.entries.items() if key in NODE_KEYS}
    return decoder.settings(NodeSettings, Entries(keys, place=written.place), at, "a node")


def _node_spec(
    name: str, stage: Stage[Any, Any], run: NodeSettings, previous: str, line: int | None
) -> NodeSpec:
    inputs = previous if run.inputs is None else run.inputs
    return NodeSpec(
        name,
        stage,
        inputs=(inputs,) if isinstance(inputs, str) else tuple(inputs),
        when=run.when,
        timeout_s=run.timeout_s,
        retries=run.retries,
        on_error=run.on_error,
        line=line,
    )


def _stage(reading: Reading, node: Node, names: Mapping[str, object], decoder: Decoder) -> Stage[Any, Any]:
    """The stage with its settings, or a stand-in where a mistake was found."""
    if reading.spec is not None:
        try:
            made: Stage[Any, Any] = reading.cls(**reading.values)
        except (RagkitError, ValidationError) as e:
            decoder.problems.add(reading.at, cleaned(shortened(str(e), 400), node))
        else:
            return made
    if reading.cls is None:
        return _Unread(None, _Mentions(nodes=[text for text in _texts(node) if text in names]))
    config = settings_class(reading.cls)
    required = {name: None for name, info in config.model_fields.items() if info.is_required()}
    return _Unread(reading.cls, config.model_construct(**{**required, **reading.values}))


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, Text):
        yield node.value
    elif isinstance(node, Items):
        for item in node.nodes:
            yield from _texts(item)
    else:
        for key, entry in node.entries.items():
            if key not in NODE_KEYS:
                yield from _texts(entry.node)


def _check(graph: GraphSpec, entries: Mapping[str, Any], at: Spot, decoder: Decoder) -> None:
    try:
        check(graph, takes=QueryPlan)
    except GraphError as e:
        for problem in e.problems:
            # The check names the node first; of two names that fit, the longer one is meant.
            fits = [name for name in entries if problem.startswith(f"{name}: ")]
            if not fits:
                decoder.problems.add(at, problem)
                continue
            name = max(fits, key=len)
            message = problem.removeprefix(f"{name}: ")
            if message != _UNREAD:
                entry = entries[name]
                decoder.problems.add(at.key(name, entry.place), cleaned(message, entry.node))
