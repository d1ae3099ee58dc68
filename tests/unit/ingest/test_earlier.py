"""A changed document is embedded where it changed: the vectors of what it had before are taken over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import ragkit
from ragkit import Document
from ragkit.types import Chunk

PARTS = [f"Part {n} says that shelf {n} holds {n * 7} lamps. " * 12 for n in range(6)]
SMALL = {"ingest.chunk.size": 64, "ingest.chunk.overlap": 0}


def document(parts: list[str], *, id_: str = "a", acl: tuple[str, ...] = ()) -> Document:
    return Document(id_, "\n\n".join(parts), acl=acl)


def stored(rag: ragkit.RAG) -> dict[str, tuple[Chunk, bytes]]:
    """All chunks by text, with their vectors."""
    collection = rag._parts.collection
    plan = collection.plan("shelf")
    ids = collection.bm25(["shelf"], 1_000, plan)[0].id_list()
    chunks, vectors = collection.fetch(ids, plan), collection.vectors(ids, plan)
    return {c.text: (c, v.tobytes()) for c, v in zip(chunks, vectors, strict=True) if c is not None}


def test_only_what_is_new_in_it_is_embedded(tmp_path: Path) -> None:
    with ragkit.open(tmp_path / "index", set=SMALL) as rag:
        first = rag.ingest(document(PARTS), progress=False)
        changed = rag.ingest(document([*PARTS[:3], "Shelf 3 is empty now.", *PARTS[4:]]), progress=False)
        assert first.embedded_chunks == first.chunks > 10
        assert 0 < changed.embedded_chunks < first.chunks / 2
        updated = stored(rag)
    with ragkit.open(tmp_path / "anew", set=SMALL) as rag:
        rag.ingest(document([*PARTS[:3], "Shelf 3 is empty now.", *PARTS[4:]]), progress=False)
        assert stored(rag) == updated


def test_new_metadata_alone_embeds_nothing(tmp_path: Path) -> None:
    fields = {"collection.fields": {"acl": ["keyword"]}}
    with ragkit.open(tmp_path / "index", set=SMALL | fields) as rag:
        rag.ingest(document(PARTS, acl=("staff",)), progress=False)
        report = rag.ingest(document(PARTS, acl=("sales",)), progress=False)
        assert (report.committed, report.embedded_chunks) == (1, 0)
        assert rag.retrieve("How many lamps does shelf 3 hold?", acl=["sales"]).hits
        assert not rag.retrieve("How many lamps does shelf 3 hold?", acl=["staff"]).hits


def test_a_file_that_moved_embeds_nothing(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "old.txt").write_text("\n\n".join(PARTS))
    with ragkit.open(tmp_path / "index", set=SMALL) as rag:
        rag.ingest(docs, progress=False)
        before = stored(rag)
        (docs / "old.txt").rename(docs / "new.txt")
        report = rag.ingest(docs, progress=False)
        assert (report.committed, report.deleted) == (1, 1)
        moved = {chunk.document_id for chunk, _ in stored(rag).values()}
        assert moved == {"new.txt"}
        assert set(stored(rag)) == set(before)


def test_nothing_is_taken_over_from_another_tenant(tmp_path: Path) -> None:
    fields = {"collection.fields": {"tenant": "keyword!"}}
    with ragkit.open(tmp_path / "index", set=SMALL | fields) as rag:
        rag.ingest(document(PARTS), tenant="acme", progress=False)
        report = rag.ingest(document(PARTS), tenant="globex", progress=False)
        assert report.embedded_chunks == report.chunks


def test_a_damaged_index_can_still_be_written_to(tmp_path: Path) -> None:
    with ragkit.open(tmp_path / "index", set=SMALL) as rag:
        rag.ingest(document(PARTS), progress=False)
    [file] = (tmp_path / "index").rglob("vectors-*.f32")
    np.zeros(file.stat().st_size // 4, dtype=np.float32).tofile(file)
    with ragkit.open(tmp_path / "index", set=SMALL) as rag:
        report = rag.ingest(document([*PARTS, "Shelf 9."]), progress=False)
        assert (report.committed, report.embedded_chunks) == (1, report.chunks)
        assert rag.verify()
