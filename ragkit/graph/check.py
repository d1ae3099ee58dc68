"""The check of a graph before anything runs: everything that is wrong with it, in one error."""

from __future__ import annotations

import math

from ragkit.errors import GraphError
from ragkit.graph.checked import CheckedGraph, CheckedNode
from ragkit.graph.condition import always_one, never_two
from ragkit.graph.declared import POLICIES, Declared, is_lift
from ragkit.graph.followed import check_followed
from ragkit.graph.merge import merge_for
from ragkit.graph.order import find_cycles, reachable, topological_order
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Ports
from ragkit.types import Answer, Context, QueryPlan, Ranking, Rankings

# What turns one type into the next; between a ranking and a context stands nothing, for the lift is inserted.
_LADDER = {QueryPlan: "retrieve/*", Rankings: "fuse/*", Ranking: "", Context: "generate/*", Answer: ""}


def check(
    spec: GraphSpec, *, takes: type | None = None, gives: type | None = None, path: str | None = None
) -> CheckedGraph:
    """The graph in topological order, its types, conditions and references known to be right.

    Args:
        takes: the type of the question; None takes it from the nodes that read the question.
        gives: the type the result must have; None accepts any.
        path: the file it was declared in, so that problems begin `path:line: query.node:`.

    Raises:
        GraphError: with all problems at once.

    >>> from ragkit.graph.stage import stage
    >>> @stage("demo/louder")
    ... def louder(text: str) -> str:
    ...     return text.upper()
    >>> check(GraphSpec.of(louder())).gives
    <class 'str'>
    """
    declared = Declared(spec, takes=takes, path=path)
    for node in declared.nodes.values():
        _check_limits(declared, node)
        _check_stand_in(declared, node)
        if node.name not in declared.aside:
            _check_inputs(declared, node)
        elif node.when is not None:
            declared.problem(node, "runs only in place of others, so it cannot have `when`; remove it")
    _check_cycles(declared)
    _check_output(declared, spec.output, gives)
    check_followed(declared, spec.output)
    if declared.problems:
        raise GraphError(declared.problems)
    order = topological_order(
        {name: declared.edges[name] for name in declared.nodes if name in declared.flow}
    )
    nodes = tuple(_checked(declared, name) for name in order)
    aside = tuple(_checked(declared, name) for name in declared.nodes if name in declared.aside)
    result = next(node for node in nodes if node.name == spec.output)
    return CheckedGraph(nodes, spec.output, declared.question or object, result.gives, aside)


def _checked(declared: Declared, name: str) -> CheckedNode:
    node, ports = declared.nodes[name], declared.ports[name]
    if ports is None:
        raise GraphError(f"{name}: its types are not known")
    inputs = () if name in declared.aside else node.inputs
    return CheckedNode(
        node,
        ports.takes,
        ports.gives,
        inputs=inputs,
        is_lifted=any(is_lift(declared.given(source), ports.takes) for source in inputs),
        when=declared.conditions[name],
        stand_in=None if node.on_error in POLICIES else node.on_error,
    )


# --- one node -------------------------------------------------------------------------------------


def _check_limits(declared: Declared, node: NodeSpec) -> None:
    if node.timeout_s is not None and not 0 < node.timeout_s < math.inf:
        declared.problem(
            node, f"timeout_s is {node.timeout_s}; expected seconds above 0, or none for no limit"
        )
    if node.retries < 0:
        declared.problem(node, f"retries is {node.retries}; expected 0 or more")


def _check_stand_in(declared: Declared, node: NodeSpec) -> None:
    other = node.on_error
    if other in POLICIES:
        return
    if other not in declared.nodes:
        declared.problem(node, f"on_error: {other!r} is neither fail, skip nor a node.{declared.near(other)}")
        return
    chain = _stand_ins(declared, node.name)
    if node.name in chain:
        declared.problem(node, f"on_error goes round in a circle: {' → '.join([node.name, *chain])}")
        return
    mine, theirs = declared.ports[node.name], declared.ports[other]
    if mine and theirs and not _can_replace(mine, theirs):
        declared.problem(
            node,
            f"on_error: {other!r} turns {_arrow(theirs)} and cannot stand in where {_arrow(mine)} is needed",
        )


def _stand_ins(declared: Declared, name: str) -> list[str]:
    chain: list[str] = []
    while (name := declared.nodes[name].on_error) in declared.nodes and name not in chain:
        chain.append(name)
    return chain


def _can_replace(mine: Ports, theirs: Ports) -> bool:
    return issubclass(mine.takes, theirs.takes) and issubclass(theirs.gives, mine.gives)


def _arrow(ports: Ports) -> str:
    return f"{ports.takes.__name__} into {ports.gives.__name__}"


def _check_inputs(declared: Declared, node: NodeSpec) -> None:
    if not node.inputs:
        declared.problem(node, f"has no input; the question is read with in: {SOURCE}")
    known = []
    for name in dict.fromkeys(node.inputs):
        if node.inputs.count(name) > 1:
            declared.problem(node, f"reads {name!r} twice")
        if name == node.name:
            declared.problem(node, "reads its own output")
        elif name != SOURCE and name not in declared.nodes:
            declared.problem(node, f"unknown input {name!r}.{declared.near(name)}")
        else:
            known.append(name)
    ports = declared.ports[node.name]
    if ports:
        for name in known:
            _check_edge(declared, node, ports.takes, name)
        _check_together(declared, node, ports.takes, known)


def _check_edge(declared: Declared, node: NodeSpec, needed: type, source: str) -> None:
    given = declared.given(source)
    if given is None or issubclass(given, needed) or is_lift(given, needed):
        return
    hint = _between(given, needed)
    hint = f"put {hint} between" if hint else _elsewhere(declared, node, needed)
    declared.problem(node, f"needs {needed.__name__} but {source!r} gives {given.__name__}; {hint}")


def _between(given: type, needed: type) -> str:
    types = list(_LADDER)
    if given not in types or needed not in types or types.index(given) >= types.index(needed):
        return ""
    roles = [_LADDER[t] for t in types[types.index(given) : types.index(needed)] if _LADDER[t]]
    return f"a {' and a '.join(roles)} stage"


def _elsewhere(declared: Declared, node: NodeSpec, needed: type) -> str:
    fit = [SOURCE] if declared.question and issubclass(declared.question, needed) else []
    for name, ports in declared.ports.items():
        if ports and issubclass(ports.gives, needed) and node.name not in reachable(declared.edges, name):
            fit.append(name)
    return (
        f"{needed.__name__} comes from {', '.join(map(repr, fit))}"
        if fit
        else f"no node gives {needed.__name__}"
    )


def _check_together(declared: Declared, node: NodeSpec, takes: type, known: list[str]) -> None:
    sources = [declared.nodes[name] for name in known if name != SOURCE]
    conditions = [declared.conditions[s.name] for s in sources if declared.may_be_absent(s)]
    alternatives = [when.condition for when in conditions if when is not None]
    may_be_empty = len(alternatives) == len(known) > 0
    # Conditions can be weighed against each other only where they are asked of the same plan.
    covered = may_be_empty and len({s.inputs for s in sources}) == 1 and always_one(alternatives)
    if may_be_empty and not covered:
        which = ", ".join(f"{s.name!r} (when: {s.when})" for s in sources)
        declared.problem(
            node,
            f"may be left without any input, for all can be skipped: {which}. "
            "Add an input that is always there, or remove a `when`",
        )
    is_choice = covered and never_two(alternatives)
    if len(known) > 1 and merge_for(takes) is None and not is_choice:
        fuse = "; a fuse/* stage makes one Ranking of several Rankings" if takes in {Ranking, Context} else ""
        declared.problem(
            node,
            f"takes one {takes.__name__} but reads {', '.join(map(repr, known))}, and only Rankings and "
            f"QueryPlan can be joined{fuse}. Or give each input a `when`, of which exactly one holds",
        )


# --- the whole ------------------------------------------------------------------------------------


def _check_cycles(declared: Declared) -> None:
    edges = {
        name: [source for source in sources if source not in declared.aside]
        for name, sources in declared.edges.items()
        if name not in declared.aside
    }
    for cycle in find_cycles(edges):
        declared.problem(
            declared.nodes[cycle[0]], f"a cycle: {' → '.join(cycle)}; a node cannot wait for itself"
        )


def _check_output(declared: Declared, output: str, wanted: type | None) -> None:
    if output not in declared.nodes:
        declared.problems.append(f"the output {output!r} is not a node.{declared.near(output)}")
        return
    node, given = declared.nodes[output], declared.given(output)
    if declared.may_be_absent(node):
        declared.problem(node, "gives the result of the graph, so it cannot be skipped; remove `when`")
    if given and wanted and not issubclass(given, wanted):
        hint = _between(given, wanted)
        declared.problem(
            node,
            f"gives {given.__name__}, but the graph must give {wanted.__name__}"
            + (f"; put {hint} after it" if hint else ""),
        )
    consumed = {source for sources in declared.edges.values() for source in sources}
    for name in [n for n in declared.nodes if n not in declared.flow | declared.aside | consumed]:
        declared.problem(
            declared.nodes[name],
            "its output is used by nobody; name it in the `in:` of another node, or remove it",
        )
