"""Copies a collection into another store without embedding anything again, and proves that it is the same."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from ragkit.errors import ConfigError
from ragkit.fields import shown
from ragkit.protocols import Change, DocumentState
from ragkit.store.abilities import CollectingStore, PreparingStore
from ragkit.store.collection import StoreCollection
from ragkit.store.forgetting import removed
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
        removed: documents that only the target held, and that were removed there.
        chunks: chunks that were written now.
        seconds: how long it took, the comparison included.
        parity: the comparison of both stores.
    """

    copied: int
    there: int = field(kw_only=True)
    replaced: int = field(kw_only=True)
    removed: int = field(default=0, kw_only=True)
    chunks: int = field(kw_only=True)
    seconds: float = field(kw_only=True)
    parity: Parity = field(kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {"ok": self.parity.ok, **asdict(self)}


def migrate(
    source: StoreCollection,
    target: StoreCollection,
    *,
    remove_others: bool = False,
    progress: Progress | None = None,
) -> Migration:
    """Copies all documents with their chunks, vectors and states, then compares both stores.

    Both are locked against other writers meanwhile; questions go on, and the source is not changed. Every
    commit holds whole documents, so that a migration which died is ended by running it again.

    Args:
        remove_others: whether documents of the target that the source does not hold are removed; without it
            they are refused.

    Raises:
        ConfigError: the target holds documents that the source does not.
        StoreError: a store keeps no record of documents, or another process is writing to one of them.
        CorruptIndexError: a document of the source is not whole.
    """
    start, told = time.perf_counter(), progress or _silent
    ours, theirs = (ContentReader(one.store, source.fields) for one in (source, target))
    with source.writing(), target.writing():
        others = foreign_to(ours, theirs)
        if others and not remove_others:
            raise _foreign(others, target.store_name)
        _remove(target, others)
        done = copy_missing(ours, theirs, source, target, progress=told)
        if isinstance(target.store, PreparingStore) and done.copied:
            target.store.prepare()
        parity = compare(ours, theirs, source.analyzer, progress=told)
    return Migration(
        done.copied,
        there=done.there,
        replaced=done.replaced,
        removed=len(others),
        chunks=done.chunks,
        seconds=time.perf_counter() - start,
        parity=parity,
    )


@dataclass(frozen=True, slots=True)
class Copied:
    """How many documents were written, replaced another content, or were there already; chunks written."""

    copied: int
    replaced: int = field(kw_only=True)
    there: int = field(kw_only=True)
    chunks: int = field(kw_only=True)


def copy_missing(
    ours: ContentReader,
    theirs: ContentReader,
    source: StoreCollection,
    target: StoreCollection,
    *,
    progress: Progress | None = None,
) -> Copied:
    """Copies what the target does not hold as the source does. The caller holds the right to write to both.

    Raises:
        StoreError: a document has no groups, so that it cannot be read, or a store refuses.
        CorruptIndexError: a document of the source is not whole.
    """
    told = progress or _silent
    states = list(ours.manifest.states())
    there = {_key(s) for s in states if theirs.manifest.state(*_key(s)) == s}
    todo = [state for state in states if _key(state) not in there]
    ours.check_readable(todo)
    replaced = sum(theirs.manifest.state(*_key(state)) is not None for state in todo)
    done, chunks = len(there), 0
    for documents, steps in _batches(ours, todo, source):
        for changes in steps:
            target.store.commit(changes)
            chunks += n_chunks_of(changes)
        done += documents
        told(done, len(states), "copying")
    return Copied(len(todo), replaced=replaced, there=len(there), chunks=chunks)


def foreign_to(ours: ContentReader, theirs: ContentReader) -> list[DocumentState]:
    """The documents that only the second holds, by tenant and id."""
    return [state for state in theirs.manifest.states() if ours.manifest.state(*_key(state)) is None]


def _remove(target: StoreCollection, states: Sequence[DocumentState]) -> None:
    changes = [Change(removed(state)) for state in states]
    for first in range(0, len(changes), BATCH_DOCUMENTS):
        batch = changes[first : first + BATCH_DOCUMENTS]
        if isinstance(target.store, CollectingStore):
            target.store.erase(batch)
        else:
            target.store.commit(batch)


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


def _foreign(states: Sequence[DocumentState], name: str) -> ConfigError:
    listed = ", ".join(shown(state.document_id) for state in states[:_LISTED])
    return ConfigError(
        f"{name}: {len(states)} documents are there that the collection does not hold ({listed}). Name an "
        "empty store, or remove them there with --remove-others"
    )


def _key(state: DocumentState) -> tuple[str, str]:
    return state.tenant, state.document_id


def _silent(done: int, total: int, what: str) -> None:
    """Progress that nobody looks at."""
