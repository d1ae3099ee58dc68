"""What a training reads says nothing that the held-out documents say, in a collection with copies too."""

from __future__ import annotations

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
