"""Measures by name: what is found, what is refused, what a dataset or a pipeline lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.dataset import Dataset, Evidence, Question
from ragkit.evaluation.metrics.metric import Metric, SetMetric, WeightedMetric
from ragkit.evaluation.metrics.own import metric
from ragkit.evaluation.metrics.ranking import parse_metric
from ragkit.evaluation.metrics.resolve import resolve_metrics, unmet
from ragkit.types import Span

NAMES = (
    "nDCG@10", "R@100", "AP", "RR", "P(rel=2)@5", "Success@1", "all_evidence_R@10", "found.dense", "EM", "F1",
    "ROUGE-L", "contains", "citation.precision", "citation.recall", "citation.valid", "citation.support",
    "citation.span_precision", "citation.span_recall", "abstention.precision", "abstention.recall",
    "abstention.F1", "AURC", "tokens.in", "tokens.out", "usd",
)  # fmt: skip


def dataset(*questions: Question, grade: int = 1) -> Dataset:
    asked = {question.id: question for question in questions}
    qrels = {id_: {"a": grade} for id_ in asked}
    return Dataset("mine", folder=Path("mine"), split="test", questions=asked, qrels=qrels)


def test_every_name_gives_a_measure_of_that_name() -> None:
    found = resolve_metrics(NAMES)
    assert [metric.name for metric in found] == list(NAMES)
    assert all(isinstance(metric, Metric | SetMetric) for metric in found)
    assert all(isinstance(metric, WeightedMetric) for metric in found if isinstance(metric, SetMetric))


def test_a_measure_of_rankings_is_applied_to_documents() -> None:
    assert resolve_metrics([parse_metric("RR@10")]) == resolve_metrics(["RR@10"])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("citation.precison", "citation.precision"),
        ("exact_match", "EM"),
        ("rouge-l", "ROUGE-L"),
        ("MRR@10", "RR"),
        ("ndcg", "nDCG@10"),
        ("abstention.f1", "abstention.F1"),
    ],
)
def test_a_name_that_is_nearly_right_is_put_right(name: str, hint: str) -> None:
    with pytest.raises(EvalError, match=rf"Did you mean '{hint}'\?"):
        resolve_metrics([name])


def test_all_wrong_names_are_told_at_once() -> None:
    with pytest.raises(EvalError) as caught:
        resolve_metrics(["EMM", "P", "EM", "EM", "found.", "all_evidence_R@0"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert lines[1:3] == ["measure 'P' needs a cutoff: P@10", "measure 'EM': is there twice"]


def test_no_measure_and_no_name_are_refused() -> None:
    with pytest.raises(EvalError, match="there are no measures: name one"):
        resolve_metrics([])
    with pytest.raises(EvalError, match="measure 3: expected a name, or an object with"):
        resolve_metrics([3])  # type: ignore[list-item]


def test_a_measure_of_ones_own_is_found_by_name() -> None:
    @metric("reply.is_there", needs={"reply"})
    def is_there(case: Case) -> float:
        return float(case.outcome.reply is not None)

    assert resolve_metrics(["reply.is_there"]) == (is_there,)
    assert unmet([is_there], dataset(Question("q", "Why?")), False)[0].startswith("measure 'reply.is_there'")


def test_a_need_that_does_not_exist_is_refused() -> None:
    with pytest.raises(EvalError, match="measure 'x' needs answer: expected a name, and needs of qrels"):
        metric("x", needs={"answer"})  # type: ignore[arg-type]


def test_what_a_dataset_lacks_is_told_with_the_remedy() -> None:
    bare = dataset(Question("q", "Why?"), grade=0)
    told = unmet(resolve_metrics(["nDCG@10", "all_evidence_R@5", "found.fuse", "abstention.F1"]), bare, True)
    assert told == [
        "measure 'nDCG@10' needs judgements: dataset 'mine' has none with a grade of 1 or more. "
        "Leave the measure out, or use a dataset that has it",
        "measure 'all_evidence_R@5' needs evidence, which is places in documents that prove an answer: "
        "dataset 'mine' has none. Leave the measure out, or use a dataset that has it",
        "measure 'found.fuse' needs evidence or judgements: dataset 'mine' has neither. "
        "Leave the measure out, or use a dataset that has it",
        "measure 'abstention.F1' needs to know whether a question can be answered: "
        "dataset 'mine' does not say. Leave the measure out, or use a dataset that has it",
    ]


def test_a_measure_of_answers_needs_a_pipeline_that_answers() -> None:
    told = unmet(resolve_metrics(["EM", "citation.recall"]), dataset(Question("q", "Why?")), False)
    assert [line.partition(":")[0] for line in told] == [
        "measure 'EM' needs accepted answers",
        "measure 'EM' needs answers",
        "measure 'citation.recall' needs answers",
    ]


def test_nothing_is_lacking_where_all_is_there() -> None:
    evidence = (Evidence("a", span=Span(0, 3)),)
    full = dataset(Question("q", "Why?", answers=("so",), evidence=evidence, is_answerable=True))
    assert unmet(resolve_metrics(NAMES), full, True) == []


def test_a_node_that_no_graph_has_is_told() -> None:
    told = unmet(
        resolve_metrics(["found.dens"]), dataset(Question("q", "Why?")), True, nodes=["dense", "fuse"]
    )
    assert told == [
        "measure 'found.dens': no graph has a node 'dens'. Did you mean 'dense'? There are: dense, fuse"
    ]
    assert (
        unmet(resolve_metrics(["found.dense"]), dataset(Question("q", "Why?")), True, nodes=["dense"]) == []
    )


def test_an_unknown_name_that_is_like_none_may_be_one_of_your_own() -> None:
    with pytest.raises(EvalError, match=r"One of your own: import it, and call ragkit\.evaluate in Python$"):
        resolve_metrics(["zygotic_quux"])  # like no measure, of other tests either
    with pytest.raises(EvalError, match=r"Did you mean 'contains'\? (?!.*your own)"):
        resolve_metrics(["contain"])
