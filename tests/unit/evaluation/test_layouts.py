"""Layouts of published datasets, on rows written for these tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Dataset, Evidence, Question, load_dataset
from ragkit.evaluation.layouts.layout import laid_out
from ragkit.evaluation.metrics.coverage import hops
from ragkit.types import Span, Turn

CORPUS: list[dict[str, Any]] = [
    {"_id": "a", "title": "Harbour", "text": "It was built in 1902. It has 12 cranes."},
    {"_id": "b", "text": "Cranes lift 40 tonnes. Ten are red."},
    {"_id": "t", "text": "| Year | Sales |\n|---|---|\n| 2019 | 1,204 |"},
]


def dataset(folder: Path, metadata: dict[str, Any], answers: list[str], documents: str = "a") -> Dataset:
    (folder / "qrels").mkdir()
    rows = "".join(f"q\t{document}\t1\n" for document in documents)
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows + "other\ta\t1\n")
    queries: list[dict[str, Any]] = [{"_id": "q", "text": "Which?", "answers": answers, "metadata": metadata}]
    queries.append({**queries[0], "_id": "other"})
    for name, lines in {"corpus": CORPUS, "queries": queries}.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return load_dataset(folder)


def read(
    folder: Path, layout: str, metadata: dict[str, Any], answers: list[str], documents: str = "a"
) -> Question:
    return laid_out(dataset(folder, metadata, answers, documents), layout).questions["q"]


def test_answers_of_several_annotators_are_alternatives(tmp_path: Path) -> None:
    spans = [{"text": "1902", "start": 16}, {"text": "in 1902", "start": 13}, {"text": "1902", "start": 16}]
    question = read(tmp_path, "squad", {"doc_id": "a", "answer_spans": spans}, ["1902", "in 1902"])
    assert question.evidence == (Evidence("a", span=Span(22, 29)), Evidence("a", span=Span(25, 29)))
    assert question.is_answerable is True


def test_a_question_without_an_answer_is_unanswerable(tmp_path: Path) -> None:
    question = read(
        tmp_path, "squad", {"doc_id": "a", "answerable": False, "answer_spans": []}, ["plausible"]
    )
    assert (question.is_answerable, question.answers, question.evidence) == (False, (), ())


def test_an_answer_that_stands_elsewhere_is_refused(tmp_path: Path) -> None:
    spans = [{"text": "1902", "start": 15}]
    with pytest.raises(
        EvalError, match=r"query 'q' is not in the layout 'squad': in 'a' at 15 stands ' 190', not '1902'"
    ):
        read(tmp_path, "squad", {"doc_id": "a", "answer_spans": spans}, ["1902"])


def test_every_supporting_sentence_is_a_hop(tmp_path: Path) -> None:
    facts = [
        {"corpus_id": "a", "start": 22, "end": 39, "text": "It has 12 cranes."},
        {"corpus_id": "b", "start": 0, "end": 22},
    ]
    question = read(tmp_path, "supporting-facts", {"evidence": facts}, ["480"])
    assert question.evidence == (Evidence("a", span=Span(31, 48)), Evidence("b", span=Span(0, 22), hop=2))


def test_a_supporting_sentence_that_stands_elsewhere_is_refused(tmp_path: Path) -> None:
    facts = [{"corpus_id": "a", "start": 21, "end": 38, "text": "It has 12 cranes."}]
    with pytest.raises(EvalError, match=r"at 21 stands ' It has 12 cranes', not 'It has 12 cranes.'"):
        read(tmp_path, "supporting-facts", {"evidence": facts}, ["12"])


def test_any_one_whole_rationale_is_enough(tmp_path: Path) -> None:
    rationales = [
        {"corpus_id": "a", "label": "SUPPORT", "spans": [[0, 21], [22, 39]]},
        {"corpus_id": "b", "label": "SUPPORT", "spans": [[0, 22]]},
    ]
    question = read(tmp_path, "scifact", {"evidence": rationales}, [])
    by_hop = [{(place.document_id, place.span.start) for place in hop} for hop in hops(question.evidence)]
    held = {
        name: all(hop & places for hop in by_hop)
        for name, places in {
            "first whole": {("a", 9), ("a", 31)},
            "half of the first": {("a", 9)},
            "second": {("b", 0)},
        }.items()
    }
    assert held == {"first whole": True, "half of the first": False, "second": True}


def test_a_claim_that_nothing_decides_has_no_evidence(tmp_path: Path) -> None:
    question = read(tmp_path, "scifact", {"evidence": [], "verdict": "NOT_ENOUGH_INFO"}, [])
    assert (question.evidence, question.is_answerable) == ((), None)


@pytest.mark.parametrize(
    ("answers", "scale", "accepted"),
    [
        (["1,204"], "thousand", ("1,204 thousand", "1,204")),
        (["12.5"], "percent", ("12.5%", "12.5 percent", "12.5")),
        (["12", "40"], "", ("12, 40",)),
        ([], "", ()),
    ],
)
def test_parts_and_scale_make_one_answer(
    tmp_path: Path, answers: list[str], scale: str, accepted: tuple[str, ...]
) -> None:
    question = read(tmp_path, "tatqa", {"scale": scale, "answer_type": "arithmetic"}, answers)
    assert (question.answers, question.evidence) == (accepted, ())


def test_parts_that_stand_once_have_places(tmp_path: Path) -> None:
    metadata = {"scale": "", "answer_type": "multi-span"}
    question = read(tmp_path, "tatqa", metadata, ["1,204", "40 tonnes"], documents="bt")
    assert question.evidence == (Evidence("t", span=Span(36, 41)), Evidence("b", span=Span(12, 21), hop=2))


def test_a_part_that_stands_twice_has_no_place(tmp_path: Path) -> None:
    metadata = {"scale": "", "answer_type": "span"}
    assert read(tmp_path, "tatqa", metadata, ["It"], documents="a").evidence == ()


@pytest.mark.parametrize(
    ("answerability", "is_answerable", "answers"),
    [
        ("ANSWERABLE", True, ("Yes.",)),
        ("PARTIAL", True, ("Yes.",)),
        ("UNANSWERABLE", False, ()),
        ("UNDERSPECIFIED", None, ()),
    ],
)
def test_a_conversation_has_its_turns_and_its_answerability(
    tmp_path: Path, answerability: str, is_answerable: bool | None, answers: tuple[str, ...]
) -> None:
    turns = [{"speaker": "user", "text": "Cranes?"}, {"speaker": "agent", "text": "Twelve."}]
    question = read(tmp_path, "mtrag", {"history": turns, "answerability": answerability}, ["Yes."])
    assert question.history == (Turn("user", "Cranes?"), Turn("assistant", "Twelve."))
    assert (question.is_answerable, question.answers) == (is_answerable, answers)
    assert question.metadata.get("reply") == (None if is_answerable else ["Yes."])


def test_rows_of_another_layout_are_told(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"query 'q' is not in the layout 'mtrag': no 'history' in it"):
        read(tmp_path, "mtrag", {}, [])


def test_an_unknown_layout_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        EvalError, match=r"layout: 'squat' is none. Did you mean 'squad'\? There are: plain, "
    ):
        laid_out(dataset(tmp_path, {}, []), "squat")
