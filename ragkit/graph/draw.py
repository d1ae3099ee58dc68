"""Pictures of a graph: a Mermaid diagram for documents, a table for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from ragkit.errors import GraphError
from ragkit.graph.checked import CheckedGraph
from ragkit.graph.declared import POLICIES
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Stage

MAX_SETTING_CHARS = 40
_TYPE_UNKNOWN = "?"


def mermaid(graph: GraphSpec | CheckedGraph) -> str:
    """The graph as a Mermaid flowchart, dotted edges leading to stand-ins. It need not be right to be drawn.

    >>> from ragkit.graph.stage import stage
    >>> @stage("demo/louder")
    ... def louder(text: str, *, times: int = 1) -> str:
    ...     return text.upper() * times
    >>> print(mermaid(GraphSpec.of(louder(times=2))))
    flowchart TD
        n0(["question"])
        n1["louder<br/>demo/louder<br/>times=2"]
        n0 -->|str| n1
        result(["str"])
        n1 --> result
    """
    nodes, output = _declared(graph)
    ids = {SOURCE: "n0"} | {node.name: f"n{i}" for i, node in enumerate(nodes, 1)}
    types = {node.name: _types(node.stage) for node in nodes}
    stand_ins = {node.on_error for node in nodes} - set(POLICIES)
    lines = [f'n0(["{SOURCE}"])']
    for node in nodes:
        words = [
            node.name,
            node.stage.use or type(node.stage).__name__,
            *_settings(node.stage),
            *_conduct(node),
        ]
        lines.append(f'{ids[node.name]}["{"<br/>".join(_escaped(word) for word in words)}"]')
    for node in nodes:
        takes = types[node.name][0]
        for name in node.inputs if _is_wired(node, output, nodes, stand_ins) else ():
            if name in ids:
                given = takes if name == SOURCE else types[name][1]
                lines.append(f"{ids[name]} -->|{_escaped(given)}| {ids[node.name]}")
        if node.on_error in ids:
            lines.append(f"{ids[node.name]} -.->|on_error| {ids[node.on_error]}")
    if output in types:
        lines += [f'result(["{_escaped(types[output][1])}"])', f"{ids[output]} --> result"]
    return "\n    ".join(["flowchart TD", *lines])


def text(graph: GraphSpec | CheckedGraph) -> str:
    """The graph as a table: the nodes in order, what they read, what they turn it into, how they are set.

    >>> from ragkit.graph.stage import stage
    >>> @stage("demo/louder")
    ... def louder(text: str, *, times: int = 1) -> str:
    ...     return text.upper() * times
    >>> print(text(GraphSpec.of(louder(times=2))))
    louder  demo/louder  question: str → str  times=2
    result: louder (str)
    """
    nodes, output = _declared(graph)
    stand_ins = {node.on_error for node in nodes} - set(POLICIES)
    rows = []
    for node in nodes:
        takes, gives = _types(node.stage)
        wired = _is_wired(node, output, nodes, stand_ins)
        read = ", ".join(node.inputs) if wired else "(stand-in)"
        rows.append(
            [
                node.name,
                node.stage.use or type(node.stage).__name__,
                f"{read}: {takes} → {gives}",
                "  ".join((*_settings(node.stage), *_conduct(node))),
            ]
        )
    rows = [[_printable(cell) for cell in row] for row in rows]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    result = next((f"{output} ({_types(node.stage)[1]})" for node in nodes if node.name == output), output)
    return "\n".join([*(line.rstrip() for line in lines), f"result: {_printable(result)}"])


def _declared(graph: GraphSpec | CheckedGraph) -> tuple[list[NodeSpec], str]:
    if isinstance(graph, CheckedGraph):
        return [node.spec for node in (*graph.nodes, *graph.aside)], graph.output
    return list(graph.nodes), graph.output


def _is_wired(node: NodeSpec, output: str, nodes: list[NodeSpec], stand_ins: set[str]) -> bool:
    """Whether the node's own inputs count: those of a mere stand-in do not."""
    consumed = any(node.name in other.inputs for other in nodes if other.name not in stand_ins)
    return node.name not in stand_ins or node.name == output or consumed


def _types(stage: Stage[Any, Any]) -> tuple[str, str]:
    try:
        return stage.ports.takes.__name__, stage.ports.gives.__name__
    except GraphError:
        return _TYPE_UNKNOWN, _TYPE_UNKNOWN


def _settings(stage: Stage[Any, Any]) -> Iterator[str]:
    """Settings that differ from their default; objects show as their type, so a secret stays one."""
    for name, field in type(stage.config).model_fields.items():
        value = getattr(stage.config, name)
        if field.is_required() or value != field.get_default(call_default_factory=True):
            yield f"{name}={_short(value)}"


def _short(value: object) -> str:
    # An object given in place of a name may print at length, and with what it was opened with.
    shown = str(value) if isinstance(value, str | int | float | list | tuple) else type(value).__name__
    return shown if len(shown) <= MAX_SETTING_CHARS else shown[: MAX_SETTING_CHARS - 1] + "…"


def _conduct(node: NodeSpec) -> Iterator[str]:
    """How the node is run, where that is not the usual way."""
    if node.when is not None:
        yield f"when: {node.when}"
    if node.timeout_s is not None:
        yield f"timeout_s={node.timeout_s:g}"
    if node.retries:
        yield f"retries={node.retries}"
    if node.on_error != "fail":
        yield f"on_error: {node.on_error}"


def _printable(word: str) -> str:
    """The word on one line and without control characters, which could rewrite a terminal."""
    return "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} else c for c in word)


def _escaped(word: str) -> str:
    # Mermaid writes a character as #code; and reads both its own syntax and HTML inside labels.
    return "".join(c if c.isalnum() or c in " _-/.,=:→…" else f"#{ord(c)};" for c in _printable(word))
