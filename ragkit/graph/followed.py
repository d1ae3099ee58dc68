"""Stages whose output must not leave the graph as it is: a generator's citations are to be checked first."""

from __future__ import annotations

from ragkit.graph.declared import POLICIES, Declared
from ragkit.graph.spec import NodeSpec


def check_followed(declared: Declared, output: str) -> None:
    """Adds a problem for each node whose `followed_by` is not met on every way to the output.

    A node that may be skipped meets nothing: with `when`, with `on_error: skip`, or with a stand-in of
    another role. What a stand-in gives takes the ways of the node that it stands in for.
    """
    readers = _readers(declared)
    for name, node in declared.nodes.items():
        role = node.stage.followed_by
        if role and (name in declared.flow or name in readers) and _gets_out(declared, readers, name, output):
            declared.problem(
                node,
                f"what {node.stage.use} writes must be checked before it is shown: put a {role}/* stage "
                "after it, one that cannot be skipped (no `when`, no on_error: skip)",
            )


def _readers(declared: Declared) -> dict[str, set[str]]:
    """For each node those that get what it gives, for a stand-in those of the node it stands in for."""
    readers: dict[str, set[str]] = {name: set() for name in declared.flow}
    for name in declared.flow:
        for source in declared.edges[name]:
            readers.setdefault(source, set()).add(name)
    for name in declared.flow:
        stand_in, seen = declared.nodes[name].on_error, {name}
        while stand_in in declared.nodes and stand_in not in seen:
            readers.setdefault(stand_in, set()).update(readers[name])
            seen.add(stand_in)
            stand_in = declared.nodes[stand_in].on_error
    return readers


def _gets_out(declared: Declared, readers: dict[str, set[str]], start: str, output: str) -> bool:
    role = declared.nodes[start].stage.followed_by
    ends = {output, *_stand_ins(declared, output)}
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        if name in ends:
            return True
        for reader in readers.get(name, ()):
            if reader not in seen and not _meets(declared, declared.nodes[reader], role):
                seen.add(reader)
                waiting.append(reader)
    return False


def _stand_ins(declared: Declared, name: str) -> list[str]:
    found: list[str] = []
    while (name := declared.nodes[name].on_error if name in declared.nodes else "") in declared.nodes:
        if name in found:
            break
        found.append(name)
    return found


def _meets(declared: Declared, node: NodeSpec, role: str) -> bool:
    if declared.ports[node.name] is None:
        return True  # it could not be read, of which there is a problem already
    if node.when is not None or node.on_error == "skip" or _role(node) != role:
        return False
    return node.on_error in POLICIES or all(
        _role(declared.nodes[name]) == role and declared.nodes[name].on_error != "skip"
        for name in _stand_ins(declared, node.name)
    )


def _role(node: NodeSpec) -> str:
    # A stage with a mistake in its settings is stood for by one that knows its class.
    use: str = getattr(getattr(node.stage, "cls", node.stage), "use", "")
    return use.partition("/")[0]
