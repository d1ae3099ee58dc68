"""`ragkit verify` and `ragkit repair` as a user calls them, on an index made by the bundled model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import main

Call = Callable[..., tuple[int, str, str]]
QUESTION = "How long does a repair under warranty take?"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*argv: object) -> tuple[int, str, str]:
        code = main([str(a) for a in argv])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    with ragkit.open(folder) as rag:
        rag.ingest(
            [
                ragkit.Document("warranty", "A repair under warranty takes ten days.", metadata={}),
                ragkit.Document("returns", "Goods can be returned within a month.", metadata={}),
                ragkit.Document("гарантия", "Ремонт по гарантии занимает двадцать дней.", metadata={}),
            ],
            progress=False,
        )
    return folder


def rankings(index: Path) -> list[list[tuple[str, float]]]:
    with ragkit.open(index, create=False) as rag:
        return [
            [(hit.chunk.id, round(hit.score, 5)) for hit in rag.retrieve(text, retriever=by).hits]
            for by in ("dense", "bm25")
            for text in (QUESTION, "ремонт по гарантии")
        ]


def test_a_sound_index_ends_with_0(run: Call, index: Path, handbook_index: Path) -> None:
    for folder in (index, handbook_index):
        code, out, err = run("verify", "--index", folder, "--json")
        assert (code, json.loads(out), err) == (0, {"ok": True, "problems": []}, "")
    assert run("verify", "--index", index) == (0, "the index is sound\n", "")
    code, out, _ = run("repair", "--index", index, "--json")
    assert (code, json.loads(out)) == (0, {"repaired": [], "ok": True, "problems": []})


def test_damaged_files_are_named_and_mended_to_the_same_rankings(run: Call, index: Path) -> None:
    before = rankings(index)
    for path in (index / "postings").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    data = bytearray((index / "vectors-000000.f32").read_bytes())
    data[-1] ^= 0x40
    (index / "vectors-000000.f32").write_bytes(data)
    code, out, _ = run("verify", "--index", index, "--json")
    found = json.loads(out)
    assert (code, found["ok"], len(found["problems"])) == (1, False, 2)
    code, out, _ = run("verify", "--index", index)
    assert code == 1
    assert out.splitlines() == found["problems"]
    assert "vectors-000000.f32: not what was written (rows 0 to 3). Run: ragkit repair" in out
    assert ".postings: not what was written (rows 0 to 3). Run: ragkit repair" in out
    code, out, _ = run("repair", "--index", index)
    assert code == 0
    assert "indexed anew" in out
    assert "embedded anew" in out
    assert out.endswith("the index is sound\n")
    assert rankings(index) == before


def test_what_cannot_be_mended_is_named_and_ends_with_1(run: Call, index: Path) -> None:
    (index / "manifest.sqlite").unlink()
    for verb in ("verify", "repair"):
        code, out, _ = run(verb, "--index", index, "--json")
        answer = json.loads(out)
        assert (code, answer["ok"]) == (1, False)
        (problem,) = answer["problems"]
        assert "manifest.sqlite: missing" in problem
        assert "Restore the folder from a copy" in problem
    # A new manifest over the old vectors would look like an empty index.
    with (
        ragkit.open(index) as rag,
        pytest.raises(ragkit.CorruptIndexError, match=r"sqlite: missing"),
    ):
        rag.ingest([ragkit.Document("new", "A new text.")], progress=False)


def test_there_is_nothing_to_verify_where_there_is_no_index(run: Call, tmp_path: Path) -> None:
    for verb in ("verify", "repair"):
        code, out, err = run(verb, "--index", tmp_path / "no")
        assert (code, out) == (1, "")
        assert "no index here" in err
    assert not (tmp_path / "no").exists()
