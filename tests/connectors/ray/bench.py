"""Indexes that are filled here and on a cluster, and what lies in them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.ingest.report import IngestReport
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import chunk_id
from ragkit.types import Document

_numbers = itertools.count(1)
CONFIG = """
ragkit: 1
models:
  embed: {use: embed/hashed, sleep_ms: "${SLEEP_MS:-0}", at_once: "${AT_ONCE:-0}"}
stores:
  local: %s
collection:
  store: local
  embed: embed
  fields: {lang: keyword, team: keyword, tags: [keyword]}
ingest:
  chunk: {use: chunk/deadly, size: 60, overlap: 10}
query:
  dense: {use: retrieve/dense, k: 20}
  sparse: {use: retrieve/bm25, in: question, k: 20}
  fuse: {use: fuse/rrf, in: [dense, sparse]}
  generate: {use: generate/extractive}
"""


def config(folder: Path, store: dict[str, Any] | None = None) -> Path:
    """A rag.yaml over an index in the folder, or in another store."""
    path = folder / "rag.yaml"
    default = {"use": "store/local", "path": str(folder / "index")}
    text = CONFIG % json.dumps(store or default)
    # Another process may be reading it, which must not find it empty.
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def documents(n: int, first: int = 0) -> list[Document]:
    """Documents in two languages, with metadata of several kinds and one section or more."""
    made = []
    for i in range(first, first + n):
        text = " ".join(
            f"Report {i} says that machine {i * 7 % 13} ran {j} hours without a fault." for j in range(12)
        )
        if i % 3 == 0:
            text = " ".join(f"В отчёте {i} сказано, что станок {j} работал без сбоев." for j in range(12))
        made.append(
            Document(
                f"d{i:04}",
                text,
                uri=f"db://{i}",
                metadata={
                    "team": f"t{i % 4}",
                    "tags": ("a", f"b{i % 2}"),
                    "n": i,
                    "share": i / 7,
                    "draft": i % 2 == 0,
                },
            )
        )
    return made


def files(folder: Path, n: int) -> Path:
    """Files of several formats, among them some that cannot be ingested."""
    folder.mkdir()
    for i in range(n):
        body = " ".join(f"Line {j} of file {i}: the valve opens at {i + j} bar." for j in range(8))
        (folder / f"f{i}.md").write_text(
            f"---\ntags: [x, y]\nlang: en\n---\n# File {i}\n\n{body}\n\n## Part\n\n{body}"
        )
        (folder / f"g{i}.txt").write_text(f"Файл {i}. " + body)
        (folder / f"h{i}.html").write_text(
            f"<html><title>T{i}</title><body><h1>H</h1><p>{body}</p></body></html>"
        )
    (folder / "empty.md").write_text("")
    (folder / "picture.md").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (folder / "page.pdf").write_bytes(b"%PDF-1.7\nbroken")
    return folder


def content(collection: StoreCollection) -> dict[str, Any]:
    """All that lies in a collection, by document: its state, its passages, and their vectors."""
    found: dict[str, Any] = {}
    for state in sorted(collection.states(None), key=lambda state: state.document_id):
        names = (state.tenant, state.document_id, state.content_hash, state.fingerprint)
        ids = [chunk_id(*names, ordinal) for ordinal in range(state.n_chunks)]
        scope = collection.scope_of(state)
        chunks = collection.store.fetch(ids, scope)
        vectors: Any = collection.store.vectors(ids, scope) if ids else []
        found[state.document_id] = (state, chunks, [vector.tolist() for vector in vectors])
    return found


def same(one: ragkit.RAG, other: ragkit.RAG) -> None:
    """Asserts that two indexes hold the same."""
    first, second = (content(rag._parts.collection) for rag in (one, other))
    assert list(first) == list(second)
    for id_, (state, chunks, vectors) in first.items():
        assert second[id_][:2] == (state, chunks), id_
        assert None not in chunks
        assert np.allclose(np.array(vectors), np.array(second[id_][2]), atol=1e-6)


@contextmanager
def store_of(kind: str, folder: Path) -> Iterator[dict[str, Any] | None]:
    """A new store for the time of a block: a folder's own, on a real PostgreSQL, in Qdrant's engine in this
    process, or on the local server that speaks as OpenSearch does.
    """
    if kind == "local":
        yield None
    elif kind == "qdrant":
        pytest.importorskip("qdrant_edge", reason="needs the extra qdrant-edge")
        yield {"use": "store/qdrant", "engine": "edge", "path": str(folder)}
    elif kind == "opensearch":
        pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
        from tests.connectors.opensearch.stores import Stores

        stores = Stores()
        yield {"use": "store/opensearch", "hosts": [stores.server.url], "replicas": 0, "name": "ray"}
        stores.close()
    else:
        pytest.importorskip("psycopg", reason="needs the extra pgvector")
        from tests.connectors.pgvector_server import server

        yield {"use": "store/pgvector", "dsn": server().dsn(), "name": f"ray_{next(_numbers)}"}


def without_time(report: IngestReport) -> dict[str, Any]:
    """The report as JSON, but for how long it took."""
    return {**report.as_json(), "seconds": 0}


def opened(
    folder: Path,
    set: dict[str, Any] | None = None,  # noqa: A002
    store: dict[str, Any] | None = None,
) -> ragkit.RAG:
    """The RAG of a new folder."""
    folder.mkdir(exist_ok=True)
    return ragkit.load(config(folder, store), set=set)
