"""What a training reads says nothing that the held-out documents say, in a collection with copies too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")
from ragkit.app import RAG
from ragkit.config.defaults import default_config
from ragkit.text.twins import Twins
from ragkit.train.job import _opened
from ragkit.train.material import gathered
from ragkit.train.options import Silent, TrainOptions
from ragkit.train.result import retrieval
from ragkit.types import Document
from tests.conftest import CORPUS

pytestmark = pytest.mark.torch


def test_nothing_that_is_learnt_from_says_what_held_out_documents_say(tmp_path: Path) -> None:
    options = TrainOptions(default_config(tmp_path / "index"), tmp_path / "out", generate=120)
    with RAG(options.config) as rag:
        texts = {path.name: path.read_text("utf-8") for path in sorted((CORPUS / "en/guide").glob("*.md"))}
        mirrored = [Document(f"{at}/{name}", text) for name, text in texts.items() for at in ("a", "b", "c")]
        rag.ingest(mirrored, progress=False)
    with _opened(options) as (rag, passages):
        teller = Silent()
        found = gathered(
            options, passages, retrieval(rag, options), frozenset(), model="start", teller=teller
        )
        held_out = Twins(
            [one.search_text for document in found.parts.held_out for one in passages.of(document)]
        )
        measures = [one for document in found.parts.reported for one in passages.of(document)]
    reported = Twins([one.search_text for one in measures])
    judged = {text for one in found.stop for text in (*one.relevant, *one.others)}
    assert len(found.stop) >= 8
    assert not [text for text in judged if reported.hold(text)]
    assert all(map(found.is_reported, measures))
    read = {text for one in found.train for text in (*one.relevant, *one.others)}
    assert len(found.train) > 8
    assert not [text for text in read if held_out.hold(text)]


def test_each_question_that_was_given_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    asked = [(f"q{i}", f"What does the tenant of house {i} pay for water?") for i in range(40)]
    asked += [("ru", "Сколько платит за воду жилец этого дома?"), ("none", "What is the weather like today?")]
    (tmp_path / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": id_, "text": text}) + "\n" for id_, text in asked), encoding="utf-8"
    )
    judged = "".join(f"{id_}\thouse {0 if id_ == 'ru' else id_[1:]}\t1\n" for id_, _ in asked[:-1])
    (tmp_path / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}", encoding="utf-8")
    config = default_config(tmp_path / "index")
    options = TrainOptions(config, tmp_path / "out", questions=tmp_path, generate=0)
    with RAG(config) as rag:
        rag.ingest(
            [
                Document(f"house {i}", f"The tenant of house {i} pays {i * 7} dollars for {what} water.")
                for i, what in enumerate(("spring", "summer", "autumn", "winter") * 10)
            ],
            progress=False,
        )
    with _opened(options) as (rag, passages):
        retrieve, known = retrieval(rag, options), frozenset({"en"})
        counts = gathered(options, passages, retrieve, known, model="start", teller=Silent()).counts
    assert counts["questions given"] == 42
    assert counts["questions generated"] == 0
    left_out = {name: n for name, n in counts.items() if name.startswith("left out")}
    assert left_out["left out, no document is judged to answer them"] == 1
    assert left_out["left out, in a language the model does not know"] == 1
    used = counts["learnt from"] + counts["to stop by"] + counts["to report on"]
    assert used + sum(left_out.values()) == 42
