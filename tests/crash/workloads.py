"""Small programs that fill an index: several commits, an update of half, deletions, the same once more."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.pipeline import Ingestor
from ragkit.protocols import Change, TextKind, Vectors
from ragkit.store import forgetting
from ragkit.store.local.store import LocalStore
from ragkit.store.opening import open_collection
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove, unit
from ragkit.text.analyze import Analyzer
from ragkit.types import Document
from tests.crash.ledger import Notes
from tests.kept_index import KeptIndex

DIMENSION = 24
COMMON = "common"  # a word of every chunk, by which BM25 finds them all
WORDS = [f"word{i}" for i in range(40)]


def vector_of(text: str) -> Vectors:
    """The unit vector of a text: drawn from its hash."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return unit(np.random.default_rng(seed).normal(size=DIMENSION).tolist())


class HashEmbedder:
    """An embedder without a model."""

    name = "hash"
    fingerprint = "hash/1"
    dimension = DIMENSION
    max_tokens = 256
    languages: frozenset[str] = frozenset()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """One vector per text."""
        return np.stack([vector_of(text) for text in texts])


class Words:
    """An analyzer that takes words as they are."""

    fingerprint = "words/1"

    def terms(self, text: str) -> list[str]:
        """The words."""
        return text.split()


class NotedStore(LocalStore):
    """The embedded store; each commit is noted before it begins and after it returned."""

    notes: Notes | None = None

    def commit(self, changes: Iterable[Change]) -> int:
        """See `LocalStore.commit`."""
        listed = list(changes)
        if self.notes is not None:
            self.notes.begun(listed)
        number = super().commit([_read(change) for change in listed])
        if self.notes is not None:
            self.notes(done=number)
        return number


def _read(change: Change) -> Change:
    """The change with what a reranker might have read in its chunks."""
    records = [replace(r, reading=b"read in " + r.chunk.text.encode()) for r in change.records]
    return replace(change, records=tuple(records))


class Session:
    """A workload over one folder: what is open, and how it goes on.

    Args:
        folder: of the index; made when first needed.
        notes: where commits are noted; None for none.
    """

    n_phases: int
    erases = b""  # what no file may hold in the end

    def __init__(self, folder: Path, notes: Notes | None = None) -> None:
        self.folder = folder
        self.notes = notes
        self._store: NotedStore | None = None

    @property
    def store(self) -> NotedStore:
        """The store, opened."""
        if self._store is None:
            self._store = self._open()
            self._store.notes = self.notes
        return self._store

    @property
    def is_open(self) -> bool:
        """Whether the store could be opened."""
        return self._store is not None

    def go(self, first: int = 0) -> None:
        """The workload from one of its phases to its end."""
        for number in range(first, self.n_phases):
            if self.notes is not None:
                self.notes(phase=number)
            self._do(number)

    def search_text(self, text: str) -> str:
        """What of a chunk is embedded, see `Chunk.search_text`."""
        return text

    def close(self) -> None:
        """Closes the store."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _open(self) -> NotedStore:
        raise NotImplementedError

    def _do(self, number: int) -> None:
        raise NotImplementedError


def passages(name: str, version: int, n: int, n_words: int = 6) -> list[tuple[str, Vectors]]:
    """Texts that each hold the common word, with their vectors."""
    rng = random.Random(f"{name} {version}")
    texts = [f"{COMMON} {name} part{i} {' '.join(rng.choices(WORDS, k=n_words))}" for i in range(n)]
    return [(text, vector_of(text)) for text in texts]


def _document(name: str, version: int) -> Change:
    n = 1 + int(name[1:]) % 3
    return put(name, passages(name, version, n), metadata={"lang": "en"})


def _commits() -> list[list[Change]]:
    """The commits of the store's workload; the third writes over 64 KB of text and vectors."""
    names = [f"d{i}" for i in range(9)]
    big = put("d50", passages("d50", 0, 100, n_words=80))
    return [
        [_document(name, 0) for name in names[:4]],
        [_document(name, 0) for name in names[4:]],
        [big, quarantine("q0")],
        [_document(name, 1) for name in names[::2]],
        [remove("d1"), remove("d2"), quarantine("d3")],
        [_document(name, 0) for name in ("d5", "d7")],
        [_document("d1", 1)],
    ]


class StoreSession(Session):
    """Commits straight to the store, with a compaction among them, and at last one document is erased.

    The store is closed and opened again halfway.
    """

    commits = _commits()
    n_phases = len(commits) + 1
    reopened_before = 4
    compacted_after = 4
    erased = "d50"
    erases = b"d50 part"

    def _open(self) -> NotedStore:
        from ragkit.testing.data import FIELDS

        spec = StoreSpec(
            "hash",
            embedder_fingerprint="hash/1",
            dimension=DIMENSION,
            analyzer_fingerprint=Words.fingerprint,
            fields=FIELDS,
        )
        store = NotedStore(path=self.folder)
        store.open(spec, analyzer=Words())
        return store

    def _do(self, number: int) -> None:
        if number == self.reopened_before:
            self.close()
        if number == len(self.commits):
            self.store.erase([remove(self.erased)])
            return
        self.store.commit(self.commits[number])
        if number == self.compacted_after:
            self.store.compact()


class _Bm25:
    use = "bm25/default"
    language = "en"
    k1 = 1.2
    b = 0.75


def _texts(version: int, n: int = 70) -> list[Document]:
    """Documents of one or two chunks; every second one is the same in every version."""
    documents = []
    for i in range(n):
        rng = random.Random(f"{i} {version * (i % 2)}")
        parts = [f"{COMMON.capitalize()} {' '.join(rng.choices(WORDS, k=9))}." for _ in range(1 + i % 2)]
        documents.append(Document(f"t{i:02}", "\n\n".join(parts), uri=f"memory://t{i:02}"))
    return documents


class IngestSession(Session):
    """Ingestion through a collection: one run of over 64 documents, small ones, deletions, the same again."""

    n_phases = 5

    def _open(self) -> NotedStore:
        self.collection = open_collection(
            NotedStore(path=self.folder), embedder=HashEmbedder(), bm25=_Bm25(), fields={}
        )
        store = self.collection.store
        assert isinstance(store, NotedStore)
        return store

    def _do(self, number: int) -> None:
        assert self.store.path == self.folder  # opens it
        if number == 2:
            self.collection.commit([remove(f"t{i:02}") for i in range(0, 70, 9)])
            return
        documents = {0: _texts(0), 1: _texts(1, 30), 3: _texts(1, 30), 4: _texts(1, 40)}[number]
        chunker = RecursiveChunker(size=32, overlap=0)
        Ingestor(self.collection, chunker).run(documents)


class FilesSession(Session):
    """A folder of files is ingested, changed and thinned out, the index compacted, documents forgotten.

    The dense index is one that is kept in files.
    """

    n_phases = 8
    VERSIONS = (0, 1, 1, 1, 1, 2, 2, 3)  # of every third file
    KINDS = ("insert", "update", "delete", "re-ingest", "compact", "insert", "forget", "update")
    FORGOTTEN = ("f02.md", "f05.md")

    def _open(self) -> NotedStore:
        self.collection = open_collection(
            NotedStore(path=self.folder, index=KeptIndex()),
            embedder=HashEmbedder(),
            bm25=_Bm25(),
            fields={},
        )
        store = self.collection.store
        assert isinstance(store, NotedStore)
        return store

    def _do(self, number: int) -> None:
        assert self.store.path == self.folder  # opens it
        kind = self.KINDS[number]
        if kind == "compact":
            forgetting.compact(self.collection)
        elif kind == "forget":
            forgetting.forget(self.collection, self.FORGOTTEN)
        else:
            source = self._files(number)
            Ingestor(self.collection, RecursiveChunker(size=32, overlap=0)).run([source])
            forgetting.tidy(self.collection)

    def _files(self, number: int) -> Path:
        """The folder of the sources as it is in a phase."""
        source = self.folder.with_name("sources")
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        gone = {"delete": (1, 4, 7), "re-ingest": (1, 4, 7)}.get(self.KINDS[number], ())
        for i in range(10):
            rng = random.Random(f"{i} {self.VERSIONS[number] if i % 3 == 0 else 0}")
            parts = [f"{COMMON.capitalize()} {' '.join(rng.choices(WORDS, k=9))}." for _ in range(1 + i % 3)]
            if i not in gone:
                (source / f"f{i:02}.md").write_text("\n\n".join(parts))
        return source


WORKLOADS: dict[str, type[Session]] = {
    "store": StoreSession,
    "ingest": IngestSession,
    "files": FilesSession,
}


@contextmanager
def session(workload: str, folder: Path, notes: Notes | None = None) -> Iterator[Session]:
    """A workload over a folder, closed in the end."""
    opened = WORKLOADS[workload](folder, notes)
    try:
        yield opened
    finally:
        opened.close()


def picture(store: LocalStore) -> dict[str, Any]:
    """All that a reader could tell an index by, as JSON would give it back."""
    from dataclasses import asdict

    from ragkit.protocols import Scope

    rng = np.random.default_rng(3)
    queries = np.stack([unit(rng.normal(size=DIMENSION).tolist()) for _ in range(5)])
    terms = [[COMMON], *([word, WORDS[(i * 7) % 40]] for i, word in enumerate(WORDS[::5]))]
    found = [*store.search(queries, 12, Scope()), *store.search_terms(terms, 12, Scope())]
    counts = store.counts()
    return {
        "hits": [hits.id_list() for hits in found],
        # A dot product may differ in its last bit with the place of its row.
        "scores": [[round(float(score), 5) for score in hits.scores] for hits in found],
        # Where the files were found is another folder in each run.
        "states": [{**asdict(state), "origin": None} for state in store.states()],
        "counts": [counts.documents, counts.chunks, counts.tenants, counts.quarantined],
    }


__all__ = [
    "COMMON",
    "WORKLOADS",
    "Analyzer",
    "HashEmbedder",
    "IngestSession",
    "Session",
    "picture",
    "session",
]
