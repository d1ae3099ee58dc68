"""Random graphs of toy stages: the check never crashes, and a run agrees with a plain recursion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.arrays import HitBatch
from ragkit.errors import GraphError, StageError
from ragkit.graph.check import check
from ragkit.graph.draw import mermaid, text
from ragkit.graph.runner import Graph
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Ports, RunContext, Stage
from ragkit.types import (
    Answer,
    ArmRanking,
    Chunk,
    Context,
    Hit,
    Query,
    QueryPlan,
    Ranking,
    Rankings,
    Span,
    Turn,
)

NO_HITS = HitBatch.empty()
KINDS = {
    "query": (QueryPlan, QueryPlan),
    "retrieve": (QueryPlan, Rankings),
    "widen": (Rankings, Rankings),
    "fuse": (Rankings, Ranking),
    "rerank": (Ranking, Ranking),
    "compress": (Context, Context),
    "generate": (Context, Answer),
    "verify": (Answer, Answer),
}
WHENS = [
    None,
    None,
    None,
    None,
    None,
    None,
    "history",
    "not history",
    "len(queries) > 1",
    "len(queries) <= 1",
]


def hit(text_: str) -> Hit:
    return Hit(Chunk(text_, "d", span=Span(0, len(text_)), text=text_, ordinal=0), 1.0)


def toy(kind: str, name: str, value: Any) -> Any:
    """What the stage of that kind and name makes of a value; every stage leaves its name in it."""
    match kind:
        case "query":
            return replace(value, queries=(*value.queries, Query(name, name)))
        case "retrieve":
            return Rankings(value, tuple(ArmRanking(q, retriever=name, hits=NO_HITS) for q in value.queries))
        case "widen":
            return Rankings(
                value.plan, (*value.arms, ArmRanking(Query(name, ""), retriever=name, hits=NO_HITS))
            )
        case "fuse":
            return Ranking(value.plan, tuple(hit(f"{arm.retriever}/{arm.query.id}") for arm in value.arms))
        case "rerank":
            return Ranking(value.plan, (*value.hits[::-1], hit(name)))
        case "compress":
            return Context(value.plan, value.passages[::-1])
        case "generate":
            return Answer(value.plan, text=name, context=value)
        case _:
            return value.with_(text=f"{value.text} {name}")


class Toy(Stage[Any, Any]):
    def __init__(self, kind: str, name: str, fails: bool) -> None:
        super().__init__()
        self.kind, self.name, self.fails = kind, name, fails

    @property
    def ports(self) -> Ports:
        return Ports(*KINDS[self.kind])

    def work(self, value: Any) -> Any:
        if self.fails:
            raise OSError(self.name)
        return toy(self.kind, self.name, value)


class InlineToy(Toy):
    inline = True

    def run(self, value: Any, ctx: RunContext) -> Any:
        return self.work(value)


class PlainToy(InlineToy):
    inline = False


class AsyncToy(Toy):
    async def run(self, value: Any, ctx: RunContext) -> Any:
        await anyio.sleep(0)
        return self.work(value)


toys = st.builds(
    lambda cls, kind, name, fails: cls(kind, name, fails),
    st.sampled_from([InlineToy, InlineToy, PlainToy, AsyncToy]),
    st.sampled_from(list(KINDS)),
    st.just(""),
    st.sampled_from([False, False, False, True]),
)
plans = st.builds(
    lambda history, more: replace(
        QueryPlan.of("asked", history=[Turn("user", "hello")] * history),
        queries=tuple(Query(f"q{i}", "") for i in range(1 + more)),
    ),
    st.booleans(),
    st.booleans(),
)


@st.composite
def graphs(draw: st.DrawFn) -> GraphSpec:
    """Graphs that are right in their types, if not always in their conditions."""
    gives: dict[str, type] = {SOURCE: QueryPlan}
    nodes: dict[str, NodeSpec] = {}
    aside: list[NodeSpec] = []
    kinds = ["query"] * draw(st.integers(0, 2)) + ["retrieve"] * draw(st.integers(2, 4))
    kinds += ["widen"] * draw(st.integers(0, 2)) + ["fuse"] + ["rerank"] * draw(st.integers(0, 2))
    kinds += draw(st.sampled_from([[], ["generate"], ["compress", "generate", "verify"]]))
    for i, kind in enumerate(kinds):
        made, name = draw(toys), f"n{i}"
        made.kind, made.name, takes = kind, name, KINDS[kind][0]
        fit = [n for n, t in gives.items() if t is takes or (takes is Context and t is Ranking)]
        most = {"query": 2, "retrieve": 2, "widen": 2, "fuse": 5}.get(kind, 1)
        fewest = min(len(fit), 2 if kind == "fuse" else 1)
        inputs = draw(st.lists(st.sampled_from(fit), min_size=fewest, max_size=most, unique=True))
        on_error = draw(st.sampled_from(["fail", "skip", "skip", "other"]))
        if on_error == "other":
            other = draw(toys)
            other.kind, other.name, on_error = kind, f"{name}b", f"{name}b"
            aside.append(NodeSpec(on_error, other, on_error=draw(st.sampled_from(["fail", "skip"]))))
        when = draw(st.sampled_from(WHENS)) if kind not in {"fuse", "generate"} else None
        nodes[name] = NodeSpec(name, made, inputs=tuple(inputs), when=when, on_error=on_error)
        gives[name] = made.ports.gives
    output = f"n{len(kinds) - 1}"
    wanted, kept = [output], {output}
    while wanted:
        new = [n for n in nodes[wanted.pop()].inputs if n != SOURCE and n not in kept]
        kept |= set(new)
        wanted += new
    used = [node for node in (*nodes.values(), *aside) if node.name.removesuffix("b") in kept]
    return GraphSpec(tuple(draw(st.permutations(used))), output)


@dataclass(frozen=True)
class Gone:
    failed: frozenset[str]


class Naive:
    """The meaning of a graph, written as a recursion over names without any regard to time."""

    def __init__(self, spec: GraphSpec, plan: QueryPlan) -> None:
        self.nodes = {node.name: node for node in spec.nodes}
        self.known: dict[str, Any] = {SOURCE: plan}
        self.fatal: set[str] = set()
        self.degraded: set[str] = set()

    def value(self, name: str) -> Any:
        if name not in self.known:
            self.known[name] = self.evaluate(self.nodes[name])
        return self.known[name]

    def evaluate(self, node: NodeSpec) -> Any:
        made: Any = node.stage
        values = [self.value(name) for name in node.inputs]
        present = [value for value in values if not isinstance(value, Gone)]
        if not present:
            return Gone(frozenset().union(*(gone.failed for gone in values)))
        value = self.joined(present)
        if made.ports.takes is Context and isinstance(value, Ranking):
            value = Context.of(value)
        passes = made.ports.takes is made.ports.gives
        plan = value if isinstance(value, QueryPlan) else value.plan
        asked = {
            None: True,
            "history": bool(plan.history),
            "not history": not plan.history,
            "len(queries) > 1": len(plan.queries) > 1,
            "len(queries) <= 1": len(plan.queries) <= 1,
        }
        if not asked[node.when]:
            return value if passes else Gone(frozenset())
        return self.made(node, value)

    def made(self, node: NodeSpec, value: Any) -> Any:
        made: Any = node.stage
        if not made.fails:
            return toy(made.kind, made.name, value)
        if node.on_error == "fail":
            self.fatal.add(node.name)
            return Gone(frozenset({node.name}))
        self.degraded.add(node.name)
        if node.on_error in self.nodes:
            return self.made(self.nodes[node.on_error], value)
        return value if made.ports.takes is made.ports.gives else Gone(frozenset({node.name}))

    def joined(self, values: list[Any]) -> Any:
        if isinstance(values[0], Rankings):
            plan = self.joined([value.plan for value in values])
            return Rankings(plan, tuple(arm for value in values for arm in value.arms))
        if isinstance(values[0], QueryPlan):
            queries: dict[str, Query] = {}
            for value in values:
                for query in value.queries:
                    queries.setdefault(query.id, query)
            return replace(values[0], queries=tuple(queries.values()))
        (only,) = values
        return only


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (GraphError, StageError) as e:
        return e


@settings(max_examples=300, deadline=None)
@given(graphs(), plans)
def test_a_run_gives_what_the_recursion_gives_or_fails_where_it_fails(
    spec: GraphSpec, plan: QueryPlan
) -> None:
    checked = outcome(lambda: check(spec))
    if isinstance(checked, GraphError):
        assert all("all can be skipped" in p or "cannot be skipped" in p for p in checked.problems)
        return
    naive = Naive(spec, plan)
    expected = naive.value(spec.output)
    result = outcome(lambda: anyio.run(Graph(checked, None).run, plan))
    if naive.fatal:
        assert isinstance(result, StageError)
        assert result.stage in naive.fatal
    elif isinstance(expected, Gone):
        assert isinstance(result, StageError)
        assert expected.failed
        assert all(repr(name) in str(result) for name in expected.failed)
    else:
        assert result.value == expected
        assert set(result.degraded) == naive.degraded
        ran = {n.node for n in result.trace.nodes}
        assert ran == {node.name for node in checked.nodes} | (ran & {node.name for node in checked.aside})


names = st.sampled_from(["a", "b", "c", "d", "", SOURCE, "skip"])
loose_nodes = st.builds(
    NodeSpec,
    names,
    toys,
    inputs=st.lists(names, max_size=3).map(tuple),
    when=st.sampled_from([*WHENS, "nobody", ""]),
    timeout_s=st.sampled_from([None, None, 5.0, 0.0]),
    retries=st.sampled_from([0, 0, 0, -1]),
    on_error=st.sampled_from(["fail", "fail", "skip", "a", "b", "c"]),
)


loose_graphs = st.builds(
    lambda nodes, output: GraphSpec(tuple(nodes), output), st.lists(loose_nodes, max_size=5), names
)


@st.composite
def damaged_graphs(draw: st.DrawFn) -> GraphSpec:
    """A graph of which one node, mostly, is not as it was."""
    spec = draw(graphs())
    nodes, near = list(spec.nodes), st.sampled_from([*(node.name for node in spec.nodes), SOURCE])
    hurt = draw(st.integers(0, len(nodes) - 1))
    change: dict[str, Any] = draw(
        st.one_of(
            st.fixed_dictionaries({"inputs": st.lists(near, max_size=3).map(tuple)}),
            st.fixed_dictionaries({"on_error": near}),
            st.fixed_dictionaries({"when": st.sampled_from(WHENS)}),
            st.fixed_dictionaries({"timeout_s": st.sampled_from([0.0, 5.0, 60.0])}),
            st.fixed_dictionaries({"name": near}),
        )
    )
    nodes[hurt] = replace(nodes[hurt], **change)
    return GraphSpec(tuple(nodes), draw(st.sampled_from([spec.output, spec.output, nodes[0].name])))


@settings(max_examples=300, deadline=None)
@given(loose_graphs | damaged_graphs() | damaged_graphs(), plans)
def test_any_nodes_at_all_are_refused_or_run_to_a_documented_end(spec: GraphSpec, plan: QueryPlan) -> None:
    assert mermaid(spec).startswith("flowchart TD")
    assert text(spec)
    checked = outcome(lambda: check(spec, takes=QueryPlan))
    if isinstance(checked, GraphError):
        assert checked.problems
        return
    result = outcome(lambda: anyio.run(Graph(checked, None).run, plan))
    if isinstance(result, StageError):
        assert any(node.stage.fails for node in spec.nodes)  # type: ignore[attr-defined]
    else:
        assert isinstance(result.value, checked.gives)
