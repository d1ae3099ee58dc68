"""The default graph reranks by what was read at ingestion: the same without it, and gone when forgotten."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import ragkit
from ragkit.compress.extractive import ExtractiveCompress
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.models.bundled_reranker import BUNDLED_RERANKER
from ragkit.models.embedder import BUNDLED
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.dense import DenseRetrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.store.local.readings import READINGS, KeptReadings
from ragkit.types import Document, Ranking

TEXTS = {
    "cars": "A car from the pool can be borrowed for up to three days. It must be brought back clean.",
    "rent": "Rent for the flat is due on the first of the month, and must be transferred in time.",
    "park": "The car park opens at six and closes at ten. No car may stay over night.",
    "long": "How long the meeting takes depends on the agenda. Keep it short. " * 60,
    "ru": "Автомобиль можно взять на три дня, после чего его нужно вернуть чистым.",
}
QUESTION = "How long may I keep a rented car?"


def documents() -> list[Document]:
    return [Document(name, text) for name, text in TEXTS.items()]


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[ragkit.RAG]:
    with ragkit.open(tmp_path / "index") as opened:
        opened.ingest(documents(), progress=False)
        yield opened


def ranked(ranking: Ranking) -> list[tuple[str, float]]:
    return [(hit.chunk.id, hit.score) for hit in ranking.hits]


def noted(rag: ragkit.RAG, question: str) -> dict[str, object]:
    answer = rag.ask(question)
    (node,) = [node for node in rag.trace(answer.trace_id)["nodes"] if node["node"] == "rerank"]
    return dict(node["facts"])


def files_hold(folder: Path, what: bytes) -> bool:
    return any(what in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_nothing_is_read_anew_when_a_question_comes(rag: ragkit.RAG) -> None:
    assert rag.retrieve(QUESTION).hits[0].chunk.document_id == "cars"
    assert noted(rag, QUESTION)["read"] == 0


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped"])
def test_a_result_does_not_depend_on_what_was_kept(rag: ragkit.RAG, tmp_path: Path, damage: str) -> None:
    before = [ranked(rag.retrieve(question, k=20)) for question in (QUESTION, "when is rent due", "парковка")]
    rag.close()
    path = tmp_path / "index" / READINGS
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(data[:5_000] + bytes(byte ^ 1 for byte in data[5_000:]))
    with ragkit.open(tmp_path / "index") as again:
        assert [ranked(again.retrieve(q, k=20)) for q in (QUESTION, "when is rent due", "парковка")] == before
        assert damage == "cut" or noted(again, QUESTION)["read"] == 0  # remembered by now
        assert again.verify() == []


@pytest.mark.parametrize("damage", ["head", "pages"])
def test_one_repair_reads_all_that_a_damaged_file_lost(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "index"
    with ragkit.open(folder) as rag:
        texts = [Document(f"d{i}", f"Flat {i} is let to a tenant for {i} days.") for i in range(260)]
        rag.ingest(texts, progress=False)
        before = KeptReadings(folder / READINGS).ids()
    data = bytearray((folder / READINGS).read_bytes())
    if damage == "head":
        data[:100] = b"x" * 100
    else:
        for at in range(len(data) // 2, len(data), 512):
            data[at : at + 40] = b"x" * 40
    (folder / READINGS).write_bytes(data)
    with ragkit.open(folder) as rag:
        told = rag.repair().repaired[-1]
        assert "passages read anew" in told
        assert rag.status().unread_chunks == 0
        assert KeptReadings(folder / READINGS).ids() == before
        assert rag.repair().repaired == ()


def test_what_stays_of_a_changed_document_keeps_what_was_read(tmp_path: Path) -> None:
    first, second = "Rent is due in May. " * 80, "It rained in June. " * 80
    with ragkit.open(tmp_path / "index") as rag:
        rag.ingest([Document("a", f"{first}\n\n{second}")], progress=False)
        report = rag.ingest([Document("a", f"{first}\n\n{second}\n\nOne line more.")], progress=False)
        assert 0 < report.embedded_chunks < report.chunks
        assert noted(rag, "When is rent due?")["read"] == 0


def test_what_was_forgotten_is_in_no_file_any_more(rag: ragkit.RAG, tmp_path: Path) -> None:
    chunk = rag.retrieve(QUESTION).hits[0].chunk
    kept = KeptReadings(tmp_path / "index" / READINGS)
    (reading,) = kept.get([chunk.id])
    kept.close()
    assert reading is not None
    assert files_hold(tmp_path / "index", reading[20:100])
    assert rag.forget(chunk.document_id).erased
    assert not files_hold(tmp_path / "index", reading[20:100])
    assert not files_hold(tmp_path / "index", bytes.fromhex(chunk.id))
    assert noted(rag, "when is rent due")["read"] == 0


def test_nothing_is_kept_of_a_passage_that_the_model_does_not_judge(rag: ragkit.RAG, tmp_path: Path) -> None:
    hits = {hit.chunk.document_id: hit for hit in rag.retrieve(QUESTION, k=20).hits}
    (en, ru) = (hits["cars"], hits["ru"])
    kept = KeptReadings(tmp_path / "index" / READINGS)
    assert [reading is None for reading in kept.get([en.chunk.id, ru.chunk.id])] == [False, True]
    kept.close()
    assert "rerank" in en.scores
    assert "rerank" not in ru.scores


def test_tenants_read_their_own(tmp_path: Path) -> None:
    with ragkit.open(tmp_path / "index", set={"collection.fields": {"tenant": "keyword!"}}) as rag:
        rag.ingest(documents(), tenant="acme", progress=False)
        before = ranked(rag.retrieve(QUESTION, tenant="acme"))
        rag.ingest(documents(), tenant="globex", progress=False)
        rag.forget(tenant="globex")
        assert ranked(rag.retrieve(QUESTION, tenant="acme")) == before
        chunk = rag.retrieve(QUESTION, tenant="acme").hits[0].chunk
        kept = KeptReadings(tmp_path / "index" / READINGS)
        assert kept.get([chunk.id]) != [None]
        kept.close()


def test_a_graph_without_a_reranker_keeps_nothing(tmp_path: Path) -> None:
    graph = (
        ragkit.fan_out(DenseRetrieve(), Bm25Retrieve())
        >> WeightedFuse()
        >> ExtractiveCompress()
        >> ExtractiveGenerate()
    )
    with ragkit.open(tmp_path / "index", graph=graph) as rag:
        rag.ingest(documents(), progress=False)
        assert not (tmp_path / "index" / READINGS).exists()


def read_of(rag: ragkit.RAG, tmp_path: Path) -> dict[str, bytes | None]:
    """What is kept of each document's first passage."""
    kept = KeptReadings(tmp_path / "index" / READINGS)
    chunks = [hit.chunk for hit in rag.retrieve(QUESTION, k=20).hits if hit.chunk.ordinal == 0]
    found = dict(zip((chunk.document_id for chunk in chunks), kept.get([c.id for c in chunks]), strict=True))
    kept.close()
    return found


def test_repair_reads_what_is_lacking_or_damaged_and_status_counts_it(
    rag: ragkit.RAG, tmp_path: Path
) -> None:
    before = read_of(rag, tmp_path)
    assert rag.status().unread_chunks == 0
    chunk_of = {hit.chunk.document_id: hit.chunk.id for hit in rag.retrieve(QUESTION, k=20).hits}
    with closing(sqlite3.connect(tmp_path / "index" / READINGS)) as db, db:
        db.execute("DELETE FROM readings WHERE id = ?", (bytes.fromhex(chunk_of["rent"]),))
        key = bytes.fromhex(chunk_of["park"])
        ((whole,),) = db.execute("SELECT reading FROM readings WHERE id = ?", (key,))
        db.execute("UPDATE readings SET reading = ? WHERE id = ?", (whole[:8] + bytes(len(whole) - 8), key))
    assert rag.status().as_json()["unread_chunks"] == 1  # what is damaged is found when it is looked at
    assert read_of(rag, tmp_path) != before
    done = rag.repair()
    assert done.ok
    assert [line for line in done.repaired if "read anew" in line] == [
        "2 passages read anew for ragkit-minilm-late"
    ]
    assert read_of(rag, tmp_path) == before
    assert rag.status().unread_chunks == 0
    assert not rag.repair().repaired


def beside_the_bundled(folder: Path) -> ragkit.RAG:
    """The index of the test, asked through a reranker of other vectors."""
    (folder / BUNDLED.name).symlink_to(BUNDLED)  # whose model it goes on from
    shutil.copytree(BUNDLED_RERANKER, folder / "other")
    manifest = folder / "other" / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"revision": "another"}))
    (folder / "rag.yaml").write_text(
        f"""
ragkit: 1
models:
  embed: {{use: embed/bundled}}
  rerank: {{use: rerank/onnx, folder: {folder / "other"}}}
stores:
  local: {{use: store/local, path: {folder / "index"}}}
collection: {{store: local, embed: embed}}
query:
  dense: {{use: retrieve/dense, in: question, k: 50}}
  sparse: {{use: retrieve/bm25, in: question, k: 50}}
  fuse: {{use: fuse/weighted, in: [dense, sparse], k: 20}}
  rerank: {{use: rerank/model, model: rerank, k: 10}}
  compress: {{use: compress/extractive}}
  generate: {{use: generate/extractive}}
"""
    )
    return ragkit.load(folder / "rag.yaml")


@pytest.mark.parametrize("has_index", [True, False])
def test_what_another_reranker_read_counts_as_unread(
    rag: ragkit.RAG, tmp_path: Path, has_index: bool
) -> None:
    with closing(KeptReadings(tmp_path / "index" / READINGS)) as kept:
        n = len(kept.ids())
    assert n >= 4
    rag.close()
    if not has_index:  # as the file was before marks were looked for
        with closing(sqlite3.connect(tmp_path / "index" / READINGS)) as db, db:
            db.execute("DROP INDEX readings_by_mark")
    with beside_the_bundled(tmp_path) as other:
        assert other.status().unread_chunks == n
        assert noted(other, QUESTION)["read"] != 0
        (line,) = other.repair().repaired
        assert line.startswith(f"{n} passages read anew for ragkit-minilm-late")
        assert other.status().unread_chunks == 0
        assert noted(other, QUESTION)["read"] == 0
    with ragkit.open(tmp_path / "index") as again:
        assert again.status().unread_chunks == n


def test_a_mark_is_found_among_others_whatever_its_bytes(tmp_path: Path) -> None:
    kept = KeptReadings(tmp_path / READINGS)
    marks = [bytes(8), b"\xff" * 8, b"\x00" * 7 + b"\x01", b"\xff" * 7 + b"\xfe", b"abcdefgh"]
    kept.put({f"{i:02x}": mark + b"read" for i, mark in enumerate(marks)}, head=0)
    assert [kept.ids(mark) for mark in marks] == [frozenset({bytes([i])}) for i in range(len(marks))]
    assert len(kept.ids()) == len(marks)
    assert kept.ids(b"abcdefgi") == frozenset()
    kept.close()


def test_repair_reads_an_index_of_before_there_was_a_reranker(rag: ragkit.RAG, tmp_path: Path) -> None:
    before = read_of(rag, tmp_path)
    rag.close()
    for path in (tmp_path / "index").glob(f"{READINGS}*"):
        path.unlink()
    with ragkit.open(tmp_path / "index") as again:
        n = again.status().unread_chunks
        assert n is not None
        assert n >= 4  # all but the Russian one
        assert again.repair().repaired == (f"{n:,} passages read anew for ragkit-minilm-late",)
        assert read_of(again, tmp_path) == before
        assert before["ru"] is None
        # The next commit must not take them for what was written for one that never happened.
        again.ingest([Document("new", "A tent may be lent for a week.")], progress=False)
        assert again.status().unread_chunks == 0
