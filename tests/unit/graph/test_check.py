from __future__ import annotations

import re
from typing import Any

import pytest

from ragkit.errors import GraphError
from ragkit.graph.check import check
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage, fan_out, stage
from ragkit.settings import NodeRef, Settings
from ragkit.types import Answer, Context, QueryPlan, Ranking, Rankings


@stage("query/same")
def query(plan: QueryPlan) -> QueryPlan:
    return plan


@stage("retrieve/none")
def retrieve(plan: QueryPlan) -> Rankings:
    return Rankings(plan, ())


@stage("fuse/none")
def fuse(rankings: Rankings) -> Ranking:
    return Ranking(rankings.plan, ())


@stage("rerank/same")
def rerank(ranking: Ranking) -> Ranking:
    return ranking


@stage("compress/same")
def compress(context: Context) -> Context:
    return context


@stage("generate/empty")
def generate(context: Context) -> Answer:
    return Answer(context.plan, text="")


@stage("verify/same")
def verify(answer: Answer) -> Answer:
    return answer


class Special(Ranking):
    pass


@stage("fuse/special")
def fuse_special(rankings: Rankings) -> Special:
    return Special(rankings.plan, ())


class Multihop(Stage[QueryPlan, Rankings]):
    class Config(Settings):
        retriever: NodeRef | None = None

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        return Rankings(plan, ())


def node(name: str, made: Stage[Any, Any], *inputs: str, **conduct: Any) -> NodeSpec:
    return NodeSpec(name, made, inputs=inputs or (SOURCE,), **conduct)


def graph(*nodes: NodeSpec, output: str | None = None) -> GraphSpec:
    return GraphSpec(nodes, output or nodes[-1].name)


def problems(spec: GraphSpec, **wanted: Any) -> list[str]:
    with pytest.raises(GraphError) as caught:
        check(spec, **wanted)
    return list(caught.value.problems)


def problem(spec: GraphSpec, **wanted: Any) -> str:
    (only,) = problems(spec, **wanted)
    return only


HYBRID = (node("dense", retrieve()), node("sparse", retrieve()), node("fuse", fuse(), "dense", "sparse"))


def test_a_right_graph_comes_out_in_topological_order_with_its_types() -> None:
    spec = graph(
        node("answer", generate(), "rank"),
        node("rank", fuse(), "dense", "sparse"),
        node("sparse", retrieve()),
        node("dense", retrieve(), "plan"),
        node("plan", query()),
        output="answer",
    )
    checked = check(spec, takes=QueryPlan, gives=Answer)
    assert [n.name for n in checked.nodes] == ["sparse", "plan", "dense", "rank", "answer"]
    assert (checked.takes, checked.gives, checked.output) == (QueryPlan, Answer, "answer")
    assert [n.name for n in checked.nodes if n.is_lifted] == ["answer"]


def test_python_wiring_and_declared_nodes_check_alike() -> None:
    flow = fan_out(retrieve(), retrieve()) >> fuse() >> rerank() >> generate() >> verify()
    assert [n.name for n in check(GraphSpec.of(flow)).nodes][:3] == ["none", "none2", "none3"]


def test_the_type_of_the_question_is_read_off_its_readers() -> None:
    assert check(graph(*HYBRID)).takes is QueryPlan


def test_a_subclass_may_go_where_its_base_is_taken() -> None:
    spec = graph(node("a", retrieve()), node("b", fuse_special(), "a"), node("c", rerank(), "b"))
    assert check(spec).gives is Ranking


def test_a_subclass_of_ranking_is_lifted_too() -> None:
    spec = graph(node("a", retrieve()), node("b", fuse_special(), "a"), node("c", generate(), "b"))
    assert check(spec).node("c").is_lifted


def test_all_problems_come_together() -> None:
    spec = graph(
        node("a", retrieve(), timeout_s=0),
        node("a", retrieve()),
        node("b", rerank(), "a", "nobody", retries=-1),
        node("c", verify(), on_error="d", when="histry"),
        output="e",
    )
    found = "\n".join(problems(spec))
    for said in (
        "a: two nodes have this name",
        "a: timeout_s is 0; expected seconds above 0",
        "b: unknown input 'nobody'. Nodes: a, b, c",
        "b: retries is -1; expected 0 or more",
        "b: needs Ranking but 'a' gives Rankings; put a fuse/* stage between",
        "c: on_error: 'd' is neither fail, skip nor a node",
        "c: when: 'histry': unknown name 'histry'. Did you mean 'history'?",
        "the output 'e' is not a node",
    ):
        assert said in found


def test_problems_name_file_and_line_where_these_are_known() -> None:
    spec = graph(node("a", retrieve(), "b", line=7))
    assert problem(spec, path="rag.yaml") == "rag.yaml:7: query.a: unknown input 'b'. Nodes: a"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (
            [node("rank", rerank(), SOURCE), node("ask", query())],
            "put a retrieve/* and a fuse/* stage between",
        ),
        (
            [node("a", retrieve()), node("b", generate(), "a")],
            "b: needs Context but 'a' gives Rankings; put a fuse/* stage between",
        ),
        (
            [node("a", retrieve()), node("b", fuse(), "a"), node("c", verify(), "b")],
            "c: needs Answer but 'b' gives Ranking; put a generate/* stage between",
        ),
        (
            [node("dense", retrieve()), node("b", fuse(), "dense"), node("c", fuse(), "b")],
            "c: needs Rankings but 'b' gives Ranking; Rankings comes from 'dense'",
        ),
        (
            [node("a", retrieve()), node("b", query(), "a")],
            "b: needs QueryPlan but 'a' gives Rankings; QueryPlan comes from 'question'",
        ),
    ],
)
def test_a_type_mismatch_names_both_ports_and_the_remedy(nodes: list[NodeSpec], said: str) -> None:
    assert said in "\n".join(problems(graph(*nodes), takes=QueryPlan))


def test_a_mismatch_without_any_remedy_says_so() -> None:
    spec = graph(node("a", compress()), node("b", rerank(), "a"))
    assert problem(spec, takes=Context) == "b: needs Ranking but 'a' gives Context; no node gives Ranking"


def test_readers_of_the_question_must_agree() -> None:
    spec = graph(node("a", retrieve()), node("b", fuse(), "a", SOURCE))
    assert "b: needs Rankings but 'question' gives QueryPlan" in problem(spec)


def test_a_cycle_is_shown_as_a_path() -> None:
    spec = graph(node("a", rerank(), "c"), node("b", rerank(), "a"), node("c", rerank(), "b"))
    assert re.search("a cycle: (a → b → c → a|b → c → a → b|c → a → b → c)", problem(spec))


def test_a_node_cannot_read_itself() -> None:
    assert problem(graph(node("a", rerank(), "a"))) == "a: reads its own output"


@pytest.mark.parametrize("name", ["", SOURCE, "skip", "fail"])
def test_reserved_names_are_refused(name: str) -> None:
    assert f"{name!r} cannot be a node's name" in "\n".join(problems(graph(node(name, query()))))


def test_no_nodes_are_no_graph() -> None:
    assert problem(GraphSpec((), "a")) == "the output 'a' is not a node. Nodes: none"


def test_a_node_without_inputs_is_refused() -> None:
    assert "a: has no input; the question is read with in: question" in problem(
        graph(NodeSpec("a", query(), inputs=()))
    )


def test_an_input_named_twice_is_refused() -> None:
    assert problem(graph(node("a", retrieve()), node("b", fuse(), "a", "a"))) == "b: reads 'a' twice"


def test_an_output_that_nobody_uses_is_a_problem() -> None:
    spec = graph(node("stray", retrieve()), *HYBRID)
    assert problem(spec).startswith("stray: its output is used by nobody; name it in the `in:`")


def test_the_result_must_be_of_the_type_that_is_wanted() -> None:
    said = "fuse: gives Ranking, but the graph must give Answer; put a generate/* stage after it"
    assert problem(graph(*HYBRID), gives=Answer) == said


def test_a_flow_in_a_node_is_refused() -> None:
    assert problem(graph(node("a", query() >> retrieve()))).startswith(
        "a: a node holds one stage; GraphSpec.of"
    )


def test_types_that_cannot_be_read_are_a_problem_of_their_node() -> None:
    class Empty(Stage[Any, Any]):
        pass

    assert problem(graph(node("a", Empty()))) == "a: Empty has no run(self, value, ctx) method"


@pytest.mark.parametrize("seconds", [0, -1.0, float("inf"), float("nan")])
def test_a_timeout_must_be_a_time(seconds: float) -> None:
    assert "a: timeout_s is" in problem(graph(node("a", query(), timeout_s=seconds)))


# --- several inputs and conditions ----------------------------------------------------------------


def test_two_rankings_do_not_join() -> None:
    spec = graph(
        node("a", retrieve()), node("b", fuse(), "a"), node("c", fuse(), "a"), node("d", rerank(), "b", "c")
    )
    assert "d: takes one Ranking but reads 'b', 'c'" in problem(spec)
    assert "a fuse/* stage makes one Ranking" in problem(spec)


def test_alternatives_of_which_exactly_one_runs_are_one_input() -> None:
    spec = graph(
        *HYBRID,
        node("short", generate(), "fuse", when="len(queries) <= 1"),
        node("long", generate(), "fuse", when="len(queries) > 1"),
        node("verify", verify(), "short", "long"),
    )
    assert check(spec).node("verify").inputs == ("short", "long")


@pytest.mark.parametrize("other", ["history", "not history or tenant"])
def test_alternatives_that_may_both_run_or_not_at_all_are_refused(other: str) -> None:
    spec = graph(
        *HYBRID,
        node("a", generate(), "fuse", when="history"),
        node("b", generate(), "fuse", when=other),
        node("verify", verify(), "a", "b"),
    )
    assert "verify: takes one Answer but reads 'a', 'b'" in "\n".join(problems(spec))


def test_opposite_conditions_on_different_plans_decide_nothing() -> None:
    spec = graph(
        node("plan", query()),
        node("a", retrieve(), when="len(queries) > 1"),
        node("b", retrieve(), "plan", when="len(queries) <= 1"),
        node("fuse", fuse(), "a", "b"),
    )
    assert "fuse: may be left without any input" in problem(spec)


def test_retrievers_that_may_all_be_skipped_are_refused() -> None:
    spec = graph(
        node("a", retrieve(), when="history"),
        node("b", retrieve(), when="tenant"),
        node("fuse", fuse(), "a", "b"),
    )
    said = "may be left without any input, for all can be skipped: 'a' (when: history), 'b' (when: tenant)"
    assert said in problem(spec)


def test_a_conditional_retriever_beside_a_steady_one_is_right() -> None:
    spec = graph(node("a", retrieve(), when="history"), node("b", retrieve()), node("fuse", fuse(), "a", "b"))
    assert check(spec).node("a").may_be_absent


def test_retrievers_with_opposite_conditions_are_right() -> None:
    spec = graph(
        node("a", retrieve(), when="lang(question) == 'en'"),
        node("b", retrieve(), when="lang(question) != 'en'"),
        node("fuse", fuse(), "a", "b"),
    )
    assert check(spec).gives is Ranking


def test_a_node_that_hands_its_input_on_may_always_be_conditional() -> None:
    spec = graph(*HYBRID, node("rerank", rerank(), "fuse", when="history"))
    checked = check(spec).node("rerank")
    assert checked.passes_through
    assert not checked.may_be_absent


def test_the_result_cannot_be_skipped() -> None:
    spec = graph(node("a", retrieve()), node("b", fuse(), "a", when="history"))
    assert problem(spec) == "b: gives the result of the graph, so it cannot be skipped; remove `when`"


# --- stand-ins and nodes called by name -----------------------------------------------------------


def test_a_stand_in_is_no_part_of_the_flow_and_its_inputs_do_not_count() -> None:
    spec = graph(
        *HYBRID,
        node("answer", generate(), "fuse", on_error="backup"),
        node("backup", generate(), "answer"),
        node("verify", verify(), "answer"),
    )
    checked = check(spec)
    assert [n.name for n in checked.aside] == ["backup"]
    assert (checked.node("answer").stand_in, checked.node("backup").inputs) == ("backup", ())


def test_a_stand_in_must_have_the_same_types() -> None:
    spec = graph(*HYBRID, node("r", rerank(), "fuse", on_error="c"), node("c", compress()), output="r")
    said = (
        "r: on_error: 'c' turns Context into Context and cannot stand in where Ranking into Ranking is needed"
    )
    assert problem(spec) == said


def test_a_stand_in_may_take_more_and_give_something_narrower() -> None:
    spec = graph(
        node("a", retrieve()), node("b", fuse(), "a", on_error="c"), node("c", fuse_special()), output="b"
    )
    assert check(spec).node("b").stand_in == "c"


def test_stand_ins_cannot_go_round_in_a_circle() -> None:
    spec = graph(node("a", query(), on_error="b"), node("b", query(), on_error="a"), output="a")
    assert "a: on_error goes round in a circle: a → b → a" in problems(spec)


def test_a_stand_in_cannot_be_conditional() -> None:
    spec = graph(node("a", query(), on_error="b"), node("b", query(), when="history"), output="a")
    assert problem(spec) == "b: runs only in place of others, so it cannot have `when`; remove it"


def test_an_unknown_stand_in_gets_the_nearest_name() -> None:
    spec = graph(node("rerank", query()), node("b", query(), "rerank", on_error="rerenk"))
    assert "on_error: 'rerenk' is neither fail, skip nor a node. Did you mean 'rerank'?" in problem(spec)


def test_a_node_named_in_settings_counts_as_used() -> None:
    spec = graph(node("dense", retrieve()), node("hops", Multihop(retriever="dense")))
    assert [n.name for n in check(spec).aside] == ["dense"]


def test_settings_that_name_an_unknown_node_are_refused() -> None:
    spec = graph(node("dense", retrieve()), node("hops", Multihop(retriever="dens"), "dense"))
    assert any(
        "hops: its settings name the node 'dens', which is not there. Did you mean 'dense'?" in p
        for p in problems(spec)
    )
