"""The same corpus again: no text is embedded, no byte is written, no file is touched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ragkit.ingest.pipeline import Ingestor
from ragkit.ingest.report import IngestReport
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.text.analyze import Analyzer
from tests.unit.ingest.test_pipeline import DIMENSION, HashEmbedder


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "guide").mkdir(parents=True)
    for n in range(30):
        (folder / "guide" / f"p{n:02}.md").write_text(f"# Page {n}\n\nThe text of page {n}.\n")
    (folder / "broken.md").write_bytes(b"caf\xff\x81")
    (folder / "empty.md").touch()
    return folder


def ingest(docs: Path, index: Path) -> tuple[IngestReport, int]:
    """One run as a process of its own would do it, and how often it embedded."""
    embedder, analyzer = HashEmbedder(), Analyzer()
    spec = StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION)
    store = LocalStore(path=index).open(spec, analyzer=analyzer)
    collection = StoreCollection(store, embedder=embedder, analyzer=analyzer)
    report = Ingestor(collection).run(docs)
    collection.close()
    return report, len(embedder.batches)


def picture(index: Path) -> dict[str, tuple[int, int, str]]:
    """When each file of the index was written, its number, and what is in it."""
    return {
        str(path.relative_to(index)): (
            path.stat().st_mtime_ns,
            path.stat().st_ino,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in index.rglob("*")
        if path.is_file()
    }


def test_a_second_run_embeds_nothing_and_touches_no_file(docs: Path, tmp_path: Path) -> None:
    ingest(docs, tmp_path / "index")
    before = picture(tmp_path / "index")
    report, n_embeddings = ingest(docs, tmp_path / "index")
    assert (report.unchanged, report.quarantined, report.rejected) == (30, 1, 1)
    assert n_embeddings == 0
    assert picture(tmp_path / "index") == before


def test_only_what_changed_is_embedded_and_committed(docs: Path, tmp_path: Path) -> None:
    ingest(docs, tmp_path / "index")
    changed = {f"guide/p{n:02}.md" for n in range(0, 30, 3)}
    for name in changed:
        (docs / name).write_text("Another text.\n")
    report, n_embeddings = ingest(docs, tmp_path / "index")
    assert (report.committed, report.unchanged, report.embedded_chunks, n_embeddings) == (10, 20, 10, 1)
    store = LocalStore(path=tmp_path / "index").open()
    texts = {s.document_id: store.source("", s.document_id) for s in store.states()}
    assert {name for name, d in texts.items() if d is not None and d.text == "Another text."} == changed
    store.close()


def test_an_unchanged_corpus_needs_no_right_to_write(docs: Path, tmp_path: Path) -> None:
    ingest(docs, tmp_path / "index")
    store = LocalStore(path=tmp_path / "index").open()
    with store.writing():
        report, _ = ingest(docs, tmp_path / "index")
    store.close()
    assert report.unchanged == 30
