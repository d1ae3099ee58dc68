from __future__ import annotations

from ragkit.graph.check import check
from ragkit.graph.draw import mermaid, text
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import Stage, stage
from ragkit.types import Context, QueryPlan, Ranking, Rankings


@stage("retrieve/some")
def retrieve(plan: QueryPlan, *, k: int = 10, field: str = "text", secret: object = None) -> Rankings:
    return Rankings(plan, ())


@stage("fuse/some")
def fuse(rankings: Rankings) -> Ranking:
    return Ranking(rankings.plan, ())


@stage("compress/some")
def compress(context: Context, *, budget: int = 100) -> Context:
    return context


class Odd(Stage[str, str]):
    pass


SPEC = GraphSpec(
    (
        NodeSpec("dense", retrieve(k=50)),
        NodeSpec("sparse", retrieve(), when="len(queries) > 1", on_error="skip"),
        NodeSpec("fuse", fuse(), inputs=("dense", "sparse"), timeout_s=2.5, retries=1),
        NodeSpec("pack", compress(), inputs=("fuse",), on_error="less"),
        NodeSpec("less", compress(budget=50), inputs=("pack",)),
    ),
    "pack",
)


def test_the_table_shows_order_inputs_types_and_settings() -> None:
    assert text(SPEC) == (
        "dense   retrieve/some  question: QueryPlan → Rankings     k=50\n"
        "sparse  retrieve/some  question: QueryPlan → Rankings     when: len(queries) > 1  on_error: skip\n"
        "fuse    fuse/some      dense, sparse: Rankings → Ranking  timeout_s=2.5  retries=1\n"
        "pack    compress/some  fuse: Context → Context            on_error: less\n"
        "less    compress/some  (stand-in): Context → Context      budget=50\n"
        "result: pack (Context)"
    )


def test_the_diagram_shows_nodes_typed_edges_and_stand_ins() -> None:
    assert mermaid(SPEC).splitlines() == [
        "flowchart TD",
        '    n0(["question"])',
        '    n1["dense<br/>retrieve/some<br/>k=50"]',
        '    n2["sparse<br/>retrieve/some<br/>when: len#40;queries#41; #62; 1<br/>on_error: skip"]',
        '    n3["fuse<br/>fuse/some<br/>timeout_s=2.5<br/>retries=1"]',
        '    n4["pack<br/>compress/some<br/>on_error: less"]',
        '    n5["less<br/>compress/some<br/>budget=50"]',
        "    n0 -->|QueryPlan| n1",
        "    n0 -->|QueryPlan| n2",
        "    n1 -->|Rankings| n3",
        "    n2 -->|Rankings| n3",
        "    n3 -->|Ranking| n4",
        "    n4 -.->|on_error| n5",
        '    result(["Context"])',
        "    n4 --> result",
    ]


def test_a_checked_graph_is_drawn_in_its_order() -> None:
    spec = GraphSpec((NodeSpec("b", fuse(), inputs=("a",)), NodeSpec("a", retrieve())), "b")
    assert [line.split()[0] for line in text(check(spec)).splitlines()] == ["a", "b", "result:"]


def test_labels_cannot_break_out_of_a_diagram() -> None:
    hostile = GraphSpec((NodeSpec('x"]; click n0 "javascript:alert(1)"\n%%', retrieve(field="<b>`|#")),), "y")
    diagram = mermaid(hostile)
    labels = [line for line in diagram.splitlines() if "n1[" in line]
    assert len(labels) == 1
    assert labels[0].count('"') == 2
    assert "#34;#93;#59; click n0 #34;javascript:alert#40;1#41;#34; #37;#37;" in labels[0]
    assert "field=#60;b#62;#96;#124;#35;" in labels[0]


def test_control_characters_do_not_reach_the_terminal() -> None:
    table = text(GraphSpec((NodeSpec("a\x1b[2J\n\u202eb", retrieve()),), "a"))
    assert "a [2J  b" in table
    assert len(table.splitlines()) == 2


def test_objects_in_settings_are_shown_by_their_type_and_long_texts_are_cut() -> None:
    class Client:
        def __repr__(self) -> str:
            return "Client(key='sk-123')"

    table = text(GraphSpec((NodeSpec("a", retrieve(secret=Client(), field="x" * 100)),), "a"))
    assert "secret=Client" in table
    assert "sk-123" not in table
    assert f"field={'x' * 39}…" in table


def test_a_broken_graph_is_drawn_as_far_as_it_goes() -> None:
    broken = GraphSpec((NodeSpec("a", Odd(), inputs=("nobody", SOURCE)), NodeSpec("a", Odd())), "b")
    assert "a  Odd  nobody, question: ? → ?" in text(broken)
    assert "n0 -->|#63;| n2" in mermaid(broken)
