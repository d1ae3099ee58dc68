"""Blame by hand: one question, one outcome, the node that lost the gold."""

from __future__ import annotations

from ragkit.evaluation.blame import blame
from ragkit.evaluation.case import Case
from ragkit.evaluation.dataset import Evidence
from ragkit.evaluation.outcome import Outcome, Reply
from ragkit.types import Sentence, Span
from tests.unit.evaluation.metrics.making import (
    ABSTAINED,
    DELIVERY,
    WARRANTY,
    Shelf,
    arm,
    case,
    cite,
    context,
    place,
    ranking,
    says,
)  # fmt: skip

GRAPH = [
    ("dense", "retrieve/dense"), ("sparse", "retrieve/bm25"), ("fuse", "fuse/rrf"), ("rerank", "rerank/mmr"),
    ("compress", "compress/extractive"), ("generate", "generate/extractive"), ("verify", "verify/citations"),
]  # fmt: skip
GOLD = (Evidence("a", span=WARRANTY),)
TWO_HOPS = (Evidence("a", span=WARRANTY, hop=1), Evidence("b", span=Span(0, 28), hop=2))
A, B = place("a"), place("b")
# Everything found it up to the answer.
ALL_THERE = (
    arm("dense", A, B),
    arm("sparse", A, B),
    ranking(A, B),
    ranking(A, B, node="rerank"),
    context(A, B),
)


def answered(reply: Reply | None, *, answers: tuple[str, ...] = ("two years",)) -> str | None:
    return blame(case(*ALL_THERE, reply=reply, answers=answers, evidence=GOLD), GRAPH)


def on_the_way(*found: object, evidence: tuple[Evidence, ...] = GOLD) -> str | None:
    return blame(case(*found, evidence=evidence), GRAPH)  # type: ignore[arg-type]


def test_nothing_was_lost() -> None:
    assert on_the_way(*ALL_THERE) is None
    assert answered(says("It lasts two years.", cite("a"))) is None


def test_retrievers_that_all_miss_are_named_together() -> None:
    assert on_the_way(arm("dense", B), arm("sparse", B), ranking(B)) == "dense+sparse"


def test_one_retriever_that_finds_is_enough() -> None:
    assert on_the_way(arm("dense", B), arm("sparse", A), ranking(B)) == "fuse"
    assert on_the_way(arm("dense", B), arm("sparse", A), ranking(B, A)) is None


def test_a_retriever_that_found_nothing_is_no_more_to_blame() -> None:
    assert on_the_way(arm("dense", B), arm("sparse"), ranking(B)) == "dense+sparse"


def test_a_retriever_that_failed_is_named_alone() -> None:
    looked_at = case(arm("sparse", B), ranking(B), evidence=GOLD)
    outcome = Outcome("q1", found=looked_at.outcome.found, degraded=("dense",))
    failed = Case(looked_at.question, judged={}, outcome=outcome, texts=Shelf())
    assert blame(failed, GRAPH) == "dense"


def test_the_node_that_dropped_it_is_named() -> None:
    there = (arm("dense", A), arm("sparse", A))
    assert on_the_way(*there, ranking(B)) == "fuse"
    assert on_the_way(*there, ranking(A), ranking(B, node="rerank")) == "rerank"
    assert on_the_way(*there, ranking(A), context(place("a", DELIVERY))) == "compress"


def test_what_a_later_node_still_has_was_not_lost() -> None:
    # A window or parent stage brings back what a cut took.
    assert on_the_way(arm("dense", place("a", DELIVERY)), ranking(A)) is None
    assert on_the_way(arm("dense", A), ranking(B), ranking(A, node="rerank"), context(B)) == "compress"


def test_of_several_losses_the_first_in_the_graph_is_named() -> None:
    found = (arm("dense", A, B), ranking(A, B), ranking(A, node="rerank"), context(place("a", DELIVERY)))
    assert on_the_way(*found, evidence=TWO_HOPS) == "rerank"


def test_what_the_index_does_not_have_was_lost_by_the_corpus() -> None:
    missed = case(arm("dense", B), ranking(B), evidence=GOLD)
    assert blame(missed, GRAPH, indexed={"a": ()}) == "corpus"
    assert blame(missed, GRAPH, indexed={"a": (DELIVERY,)}) == "corpus"
    assert blame(missed, GRAPH, indexed={"a": (WARRANTY,)}) == "dense"
    assert blame(missed, GRAPH, indexed={"b": ()}) == "dense"
    gone = case(arm("dense", B), ranking(B), evidence=[Evidence("gone", span=WARRANTY)])
    assert blame(gone, GRAPH) == "corpus"


def test_judged_documents_are_followed_where_there_is_no_evidence() -> None:
    assert blame(case(arm("dense", A), ranking(B), judged={"a": 1}), GRAPH) == "fuse"
    assert blame(case(arm("dense", B), ranking(B), judged={"a": 1}), GRAPH, indexed={"a": ()}) == "corpus"
    cited = case(arm("dense", A), ranking(A), judged={"a": 1}, reply=says("x", cite("a")))
    assert blame(cited, GRAPH) is None


def test_an_answer_that_has_nothing_of_it_was_lost_by_the_generator() -> None:
    assert answered(says("Returns are free.", cite("b", Span(0, 28)))) == "generate"
    assert answered(ABSTAINED) == "generate"


def test_a_dropped_sentence_that_says_it_was_lost_by_the_verifier() -> None:
    dropped = (Sentence("It lasts two years."),)
    assert answered(Reply("Free.", sentences=(Sentence("Free."),), dropped=dropped)) == "verify"
    unsupported = Reply("Not shown.", abstained=True, reason="unsupported", dropped=dropped)
    assert answered(unsupported) == "verify"
    # Also where only the wording of the evidence tells.
    quoted = Reply("", dropped=(Sentence("The warranty lasts two years"),))
    assert answered(quoted, answers=()) == "verify"


def test_a_dropped_sentence_that_says_something_else_was_wrong_before() -> None:
    assert answered(Reply("", dropped=(Sentence("Returns are free of charge."),))) == "generate"


def test_a_question_without_an_answer_has_nothing_to_lose() -> None:
    assert (
        blame(case(ranking(B), is_answerable=False, evidence=GOLD, reply=says("Two years.")), GRAPH) is None
    )
    assert blame(case(ranking(B)), GRAPH) is None


def test_nodes_are_told_by_their_place_where_their_names_say_nothing() -> None:
    graph = [("find", "retrieve/dense"), ("say", "mine/say")]
    assert blame(case(arm("find", A), evidence=GOLD, reply=ABSTAINED), graph) == "say"
