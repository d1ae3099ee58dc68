"""Topological order of named nodes, and the cycles that stand in its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def topological_order(edges: Mapping[str, Sequence[str]]) -> list[str]:
    """The nodes of an acyclic graph, each after all it reads; otherwise in the order of `edges`.

    Args:
        edges: for each node the nodes it reads, all of them keys of `edges`.
    """
    order: dict[str, None] = {}
    waiting = list(edges)
    while waiting:
        ready = [name for name in waiting if all(source in order for source in edges[name])]
        if not ready:
            raise ValueError(f"a cycle runs through {', '.join(waiting)}")
        order[ready[0]] = None
        waiting.remove(ready[0])
    return list(order)


def find_cycles(edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Cycles in the direction of the data, each as a path whose last node is its first.

    Every node on a cycle is on at least one path of the result or lies behind one; once the cycles shown
    are cut, another call finds what is left.
    """
    cycles: list[list[str]] = []
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        path = [start]
        # A node and what it reads that is still to be looked at; no recursion, for chains may be long.
        stack = [(start, iter(edges[start]))]
        while stack:
            name, sources = stack[-1]
            source = next((s for s in sources if s not in done), None)
            if source is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif source in path:
                cycles.append([source, *reversed(path[path.index(source) :])])
            else:
                stack.append((source, iter(edges[source])))
                path.append(source)
    return cycles


def reachable(edges: Mapping[str, Sequence[str]], start: str) -> set[str]:
    """`start` and every node it reads, directly or through others."""
    seen, waiting = {start}, [start]
    while waiting:
        for source in edges.get(waiting.pop(), ()):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return seen
