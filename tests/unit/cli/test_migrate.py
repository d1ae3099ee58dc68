"""`ragkit migrate` as a user calls it, on an index made by the bundled model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import main

Call = Callable[..., tuple[int, str, str]]
YAML = """\
ragkit: 1
models: {embed: {use: embed/bundled}}
stores:
  local: {use: store/local, path: ./index}
  next: {use: store/local, path: ./next}   # the one to come
collection:
  store: local   # where it is
  embed: embed
query:
  dense:  {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse:   {use: fuse/weighted, in: [dense, sparse]}
  generate: generate/extractive
  verify: verify/citations
"""
QUESTION = "How long does a repair under warranty take?"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    monkeypatch.chdir(tmp_path)
    Path("rag.yaml").write_text(YAML)
    with ragkit.load("rag.yaml") as rag:
        rag.ingest(
            [
                ragkit.Document("warranty", "A repair under warranty takes ten days."),
                ragkit.Document("гарантия", "Ремонт по гарантии занимает двадцать дней."),
            ],
            progress=False,
        )

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(["migrate", *argv])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def hits() -> list[tuple[str, float]]:
    with ragkit.load("rag.yaml") as rag:
        return [(hit.chunk.id, round(hit.score, 5)) for hit in rag.retrieve(QUESTION).hits]


def test_it_copies_says_the_word_and_leaves_the_file(call: Call) -> None:
    code, out, err = call("--to", "next")
    assert (code, err) == (0, "")
    for line in (
        "local to next: the same",
        "copied: 2 documents (0 replaced), 2 chunks",
        "sample questions: 4, 4 with the same ids in the same order",
        "to cut over, write 'next' in place of 'local' (or run it with --cut-over): rag.yaml:7: store: local",
    ):
        assert line in out
    assert Path("rag.yaml").read_text() == YAML


def test_it_cuts_over_and_back(call: Call) -> None:
    before = hits()
    code, out, _ = call("--to", "next", "--cut-over")
    assert (code, "cut over: rag.yaml:7: store: next   # where it is" in out) == (0, True)
    assert Path("rag.yaml").read_text() == YAML.replace("store: local ", "store: next ")
    assert hits() == before
    code, out, _ = call("--to", "local", "--cut-over", "--json")
    facts = json.loads(out)
    assert (code, facts["ok"], facts["copied"], facts["there"]) == (0, True, 0, 2)
    assert facts["cut_over"] == {"path": "rag.yaml", "line": 7, "text": "store: local   # where it is"}
    assert Path("rag.yaml").read_text() == YAML


def test_it_keeps_both_the_same_from_then_on(call: Call) -> None:
    code, out, _ = call("--to", "next", "--dual-write")
    assert (code, "kept the same from now on: rag.yaml:8: dual_write: [local, next]" in out) == (0, True)
    with ragkit.load("rag.yaml") as rag:
        rag.ingest([ragkit.Document("new", "The warehouse closes at nine.")], progress=False)
    code, out, _ = call("--to", "next", "--cut-over", "--json")
    assert (code, json.loads(out)["copied"], json.loads(out)["there"]) == (0, 0, 3)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--to", "nxt"], "Did you mean 'next'?"),
        (["--to", "local"], "the collection is in 'local' already"),
        (
            ["--to", "next", "--index", "index", "--cut-over"],
            "changes a rag.yaml, and none is named",
        ),
        (
            ["--to", "local", "--set", "collection.store=next", "--cut-over"],
            "collection.store overrides it",
        ),
    ],
)
def test_a_mistake_ends_with_2_and_copies_nothing(call: Call, argv: list[str], said: str) -> None:
    code, out, err = call(*argv)
    assert (code, out) == (2, "")
    assert said in err
    assert not Path("next").exists()


def test_a_store_made_with_another_analyzer_is_refused(call: Call) -> None:
    with ragkit.open("next", set={"collection.bm25.language": "en"}) as rag:
        rag.ingest([ragkit.Document("other", "Something else.")], progress=False)
    code, _, err = call("--to", "next", "--cut-over")
    assert (code, "this index was made with the analyzer" in err) == (2, True)
    assert Path("rag.yaml").read_text() == YAML


def test_foreign_documents_are_refused(call: Call) -> None:
    with ragkit.open("next") as rag:
        rag.ingest([ragkit.Document("other", "Something else.")], progress=False)
    code, _, err = call("--to", "next")
    assert (code, "1 documents are there that the collection does not hold ('other')" in err) == (2, True)
