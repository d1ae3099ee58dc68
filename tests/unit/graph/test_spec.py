from __future__ import annotations

from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import fan_out, stage
from ragkit.types import QueryPlan, Ranking, Rankings


@stage("query/same")
def same(plan: QueryPlan) -> QueryPlan:
    return plan


@stage("retrieve/none")
def retrieve(plan: QueryPlan) -> Rankings:
    return Rankings(plan, ())


@stage("fuse/first")
def fuse(rankings: Rankings) -> Ranking:
    return Ranking(rankings.plan, ())


def wiring(spec: GraphSpec) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in spec.nodes}


def test_a_single_stage_is_a_graph_of_one_node() -> None:
    only = same()
    assert GraphSpec.of(only) == GraphSpec((NodeSpec("same", only),), "same")


def test_nodes_are_named_after_their_stages_and_numbered_where_that_repeats() -> None:
    spec = GraphSpec.of(same() >> same() >> same())
    assert wiring(spec) == {"same": (SOURCE,), "same2": ("same",), "same3": ("same2",)}
    assert spec.output == "same3"


def test_branches_read_the_same_and_the_next_stage_reads_them_all() -> None:
    spec = GraphSpec.of(same() >> fan_out(retrieve(), same() >> retrieve()) >> fuse())
    assert wiring(spec) == {
        "same": (SOURCE,),
        "none": ("same",),
        "same2": ("same",),
        "none2": ("same2",),
        "first": ("none", "none2"),
    }
