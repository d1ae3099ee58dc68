from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.graph.order import find_cycles, reachable, topological_order

names = st.sampled_from("abcdef")
graphs = st.dictionaries(names, st.lists(names, max_size=3, unique=True), min_size=1).map(
    lambda edges: {name: [s for s in sources if s in edges] for name, sources in edges.items()}
)


def has_cycle(edges: dict[str, list[str]]) -> bool:
    return any(name in reachable(edges, source) for name, sources in edges.items() for source in sources)


@given(graphs)
def test_there_is_an_order_or_a_cycle_never_both(edges: dict[str, list[str]]) -> None:
    cycles = find_cycles(edges)
    assert bool(cycles) == has_cycle(edges)
    if cycles:
        with pytest.raises(ValueError, match="a cycle runs through"):
            topological_order(edges)
        return
    order = topological_order(edges)
    assert sorted(order) == sorted(edges)
    assert all(order.index(s) < order.index(name) for name, sources in edges.items() for s in sources)


@given(graphs)
def test_a_cycle_is_a_path_of_the_graph_that_ends_where_it_begins(edges: dict[str, list[str]]) -> None:
    for cycle in find_cycles(edges):
        assert cycle[0] == cycle[-1]
        assert all(source in edges[name] for source, name in itertools.pairwise(cycle))


def test_order_keeps_to_the_declaration_where_it_may() -> None:
    assert topological_order({"c": [], "a": ["b"], "b": [], "d": []}) == ["c", "b", "a", "d"]


def test_every_separate_cycle_is_found() -> None:
    edges = {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c", "a"]}
    assert [sorted(set(cycle)) for cycle in find_cycles(edges)] == [["a", "b"], ["c", "d"]]


def test_a_long_chain_needs_no_recursion() -> None:
    chain = {str(i): [str(i + 1)] for i in range(3000)} | {"3000": []}
    assert find_cycles(chain) == []
