"""The way of an answer from the stage that writes it to the end of the graph."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from ragkit.graph.checked import CheckedGraph, CheckedNode
from ragkit.graph.following import Follower, Following, Onward
from ragkit.types import Answer


def way_out(graph: CheckedGraph, name: str) -> tuple[CheckedNode, ...] | None:
    """The nodes that an answer of the node `name` goes through up to the end of the graph.

    None where there are several ways, or where a stage on it does not offer `following`. What stands in for
    another node takes the way of that one.
    """
    replaced = [node.name for node in (*graph.nodes, *graph.aside) if node.stand_in == name]
    if replaced:
        ways = [way_out(graph, other) for other in replaced]
        if name in {node.name for node in graph.nodes}:
            ways.append(_way_on(graph, name))
        return ways[0] if all(way == ways[0] for way in ways) else None
    return _way_on(graph, name)


def followed(
    way: Sequence[CheckedNode], draft: Answer, followers: MutableMapping[str, Follower]
) -> Onward | None:
    """One follower for a whole way; each node's own is put into `followers` under its name."""
    made: list[Follower] = []
    for node in way:
        stage = node.stage
        follower = stage.following(draft) if isinstance(stage, Following) else None
        if follower is None:
            return None
        followers[node.name] = follower
        made.append(follower)

    def follow(part: Answer) -> Answer:
        for follower in made:
            part = follower(part)
        return part

    return Onward(follow, all(node.stage.shows_tokens for node in way))


def _way_on(graph: CheckedGraph, name: str) -> tuple[CheckedNode, ...] | None:
    way: list[CheckedNode] = []
    while name != graph.output:
        readers = [node for node in graph.nodes if name in node.inputs]
        if len(readers) != 1 or not isinstance(readers[0].stage, Following):
            return None
        way.append(readers[0])
        name = readers[0].name
    return tuple(way)
