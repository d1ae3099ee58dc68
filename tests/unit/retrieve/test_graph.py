"""A walk over passages and the names they share, small enough to work out by hand."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.arrays import HitBatch
from ragkit.retrieve.graph import GraphRetrieve, walked
from ragkit.retrieve.graph_links import Link, Reached
from ragkit.types import ArmRanking, Chunk, QueryPlan, Rankings, Span
from tests.unit.making import chunk, run_context
from tests.unit.retrieve.linked import ARMS, QUESTION, QUESTION_RU, ids, over
from tests.unit.retrieve.test_multihop import Linked, OverLinked

A, B, C, D = (chunk(key, "text", document_id=key) for key in "abcd")
GRAPH = f"""query:{ARMS}
  graph: {{use: retrieve/graph, in: [dense, sparse]}}
  fuse: {{use: fuse/weighted, k: 4, weights: {{dense: 0.35, bm25: 0.65, graph: 0.35}}}}
  generate: generate/extractive
  verify: verify/citations
"""


def by_id(batch: HitBatch) -> dict[str, float]:
    return dict(zip(batch.id_list(), batch.scores.tolist(), strict=True))


def link(a: Chunk, b: Chunk, strength: float = 1.0) -> Link:
    return Link(a, name="Name", target=b, strength=strength)


def test_without_links_nothing_is_reached() -> None:
    assert len(walked([Reached(A, 3.0), Reached(B, 1.0)], [], 0.5)) == 0


def test_a_passage_shares_what_it_has_among_those_it_leads_to() -> None:
    # The walker's time: a = ½ + ½·b, b = ½·a. Two thirds of it go on to b, one third back to a.
    batch = walked([Reached(A, 1.0)], [link(A, B)], 0.5)
    assert by_id(batch) == pytest.approx({B.id: 2 / 3, A.id: 1 / 3}, abs=1e-6)


def test_a_weak_link_carries_little() -> None:
    weak, strong = (by_id(walked([Reached(A, 1.0)], [link(A, B, s)], 0.5))[B.id] for s in (0.1, 0.9))
    assert 0 < weak < 0.2 * strong


def test_a_passage_that_two_lead_to_comes_before_one_that_one_leads_to() -> None:
    start = [Reached(A, 1.0), Reached(B, 1.0)]
    batch = walked(start, [link(A, C), link(B, C), link(B, D)], 0.5)
    assert batch.id_list().index(C.id) < batch.id_list().index(D.id)


def test_many_passages_take_no_room_for_each_pair_of_them() -> None:
    others = [Chunk(f"{n:032x}", f"d{n}", span=Span(0, 1), text="x", ordinal=0) for n in range(3_000)]
    links = [link(A, other) for other in others]
    tracemalloc.start()
    batch = walked([Reached(A, 1.0)], links, 0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(batch) == 3_001
    assert peak < 16e6


def test_the_next_hop_goes_on_from_what_is_reached_best() -> None:
    # Of the two names of Kal's page, the later one counts less than Dal's, and the earlier one more.
    far = " It is a long way to go on foot from there to here." * 8
    collection = Linked(
        {
            "a": f"Silent Harbour\n\nSilent Harbour: director Kal Storm,{far} Dal Kolin,{far} Roshar.",
            "k": "Kal Storm\n\nRoshar was home to him, and to Sha Davar.",
            "d": "Dal Kolin\n\nDal Kolin knew Jas Nah.",
            "s": "Sha Davar\n\nSha Davar draws.",
            "j": "Jas Nah\n\nJas Nah reads.",
        }
    )
    stage = GraphRetrieve(hops=3, seeds=1)
    stage.setup(OverLinked(collection))
    plan = QueryPlan.of(QUESTION)
    first = ArmRanking(plan.queries[0], retriever="bm25", hits=HitBatch.of([("a" * 32, 1.0)]))
    graph = stage.run(Rankings(plan, (first,)), run_context()).arms[-1]
    assert {id_[0] for id_ in graph.hits.id_list()} == {"a", "k", "d", "s"}


@pytest.mark.parametrize("start", [[], [Reached(A, 0.0)], [Reached(A, -1.0)]])
def test_nowhere_to_start_is_nothing_found(start: list[Reached]) -> None:
    assert len(walked(start, [link(A, B)] if start else [], 0.5)) == 0


@given(
    weights=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=4),
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0.01, 1)), max_size=12),
    damping=st.floats(0.05, 0.95),
)
def test_scores_are_shares_and_the_same_again(
    weights: list[float], steps: list[tuple[int, int, float]], damping: float
) -> None:
    nodes = (A, B, C, D)
    start = [Reached(node, weight) for node, weight in zip(nodes, weights, strict=False)]
    links = [link(nodes[a], nodes[b], strength) for a, b, strength in steps if a < len(start)]
    batch = walked(start, links, damping)
    assert all(0 < score <= 1 for score in batch.scores.tolist())
    assert walked(start, links, damping).scores.tolist() == batch.scores.tolist()


@pytest.mark.parametrize(("question", "second"), [(QUESTION, "vera"), (QUESTION_RU, "vera-ru")])
def test_one_more_retriever_in_the_fusion(tmp_path: Path, question: str, second: str) -> None:
    with over(tmp_path, GRAPH) as rag:
        hits = rag.retrieve(question, k=4).hits
        (found,) = [hit for hit in hits if hit.chunk.document_id == second]
        assert found.scores["graph"] > 0
        for arm in ("dense", "bm25"):
            assert second not in ids(rag.retrieve(question, k=4, retriever=arm))
