"""Copies a collection into another store without embedding anything again, and proves that it is the same."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from ragkit.errors import ConfigError
from ragkit.fields import shown
from ragkit.protocols import Change, DocumentState
from ragkit.store.abilities import PreparingStore
from ragkit.store.collection import StoreCollection
from ragkit.store.migrate_parity import Parity, compare
from ragkit.store.migrate_read import ContentReader, changes_of, n_chunks_of

BATCH_CHUNKS, BATCH_DOCUMENTS = 1_000, 500
_LISTED = 5


class Progress(Protocol):
    """Is told what is done after each document that was compared and each batch that was copied."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """`done` of `total` documents."""
        ...


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration did.

    Args:
        copied: documents that were written now.
        there: documents that were there already with the same content.
        replaced: of those that were copied, how many replaced another content of the same document.
        chunks: chunks that were written now.
        seconds: how long it took, the comparison included.
        parity: the comparison of both stores.
    """

    copied: int
    there: int = field(kw_only=True)
    replaced: int = field(kw_only=True)
    chunks: int = field(kw_only=True)
    seconds: float = field(kw_only=True)
    parity: Parity = field(kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {"ok": self.parity.ok, **asdict(self)}


def migrate(
    source: StoreCollection, target: StoreCollection, *, progress: Progress | None = None
) -> Migration:
    """Copies all documents with their chunks, vectors and states, then compares both stores.

    Both are locked against other writers meanwhile; questions go on, and the source is not changed. Every
    commit holds whole documents, so that a migration which died is ended by running it again.

    Raises:
        ConfigError: the target holds documents that the source does not.
        StoreError: a store keeps no record of documents, or another process is writing to one of them.
        CorruptIndexError: a document of the source is not whole.
    """
    start, told = time.perf_counter(), progress or _silent
    ours, theirs = (ContentReader(one.store, source.fields) for one in (source, target))
    with source.writing(), target.writing():
        _refuse_foreign(ours, theirs, target.store_name)
        states = list(ours.manifest.states())
        ours.check_readable(states)
        there = {_key(s) for s in states if theirs.manifest.state(*_key(s)) == s}
        todo = [state for state in states if _key(state) not in there]
        replaced = sum(theirs.manifest.state(*_key(state)) is not None for state in todo)
        done, chunks = len(there), 0
        for documents, steps in _batches(ours, todo, source):
            for changes in steps:
                target.store.commit(changes)
                chunks += n_chunks_of(changes)
            done += documents
            told(done, len(states), "copying")
        if isinstance(target.store, PreparingStore) and todo:
            target.store.prepare()
        parity = compare(ours, theirs, source.analyzer, progress=told)
    seconds = time.perf_counter() - start
    return Migration(
        len(todo), there=len(there), replaced=replaced, chunks=chunks, seconds=seconds, parity=parity
    )


def _batches(
    source: ContentReader, states: Sequence[DocumentState], collection: StoreCollection
) -> Iterator[tuple[int, list[list[Change]]]]:
    """How many documents, and the commits that bring them, each with whole documents."""
    first: list[Change] = []
    second: list[Change] = []
    n = 0
    for state in states:
        change, *later = changes_of(state, source.content(state), collection.analyzer)
        first.append(change)
        second += later
        n += 1
        if n_chunks_of(first) >= BATCH_CHUNKS or n >= BATCH_DOCUMENTS:
            yield n, [step for step in (first, second) if step]
            first, second, n = [], [], 0
    if n:
        yield n, [step for step in (first, second) if step]


def _refuse_foreign(source: ContentReader, target: ContentReader, name: str) -> None:
    foreign = [s for s in target.manifest.states() if source.manifest.state(*_key(s)) is None]
    if foreign:
        listed = ", ".join(shown(state.document_id) for state in foreign[:_LISTED])
        raise ConfigError(
            f"{name}: {len(foreign)} documents are there that the collection does not hold ({listed}). Name "
            "an empty store, or remove them there with ragkit forget"
        )


def _key(state: DocumentState) -> tuple[str, str]:
    return state.tenant, state.document_id


def _silent(done: int, total: int, what: str) -> None:
    """Progress that nobody looks at."""
