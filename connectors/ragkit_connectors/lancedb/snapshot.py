"""What a search by words needs of every chunk, in memory: number, id, tenant, first and last commit, words.

Read once from the table and the files of words, and then what came since. It serves every commit up to the
one that was the current when it was read: what is written later carries greater numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids, as_ids
from ragkit.protocols import Scope, TermRanker
from ragkit.store.bm25.postings import Postings, merge, n_to_merge
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.view import View
from ragkit_connectors.lancedb.errors import ChangedError
from ragkit_connectors.lancedb.records import Records, WordsNamed
from ragkit_connectors.lancedb.rows import ROW
from ragkit_connectors.lancedb.table import ChunkTable, name_of
from ragkit_connectors.lancedb.word_files import WordFiles, read_words

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]
Key = TypeVar("Key")
Item = TypeVar("Item")
_COLUMNS = (ROW, "id", "tenant", "first", "last")
_NEVER = 2**62  # the first commit of a number that no chunk has
_ATTEMPTS = 20


@dataclass(slots=True, eq=False)
class Allowed:
    """The rows that a scope may show: those that were judged it shows, the others perhaps."""

    rows: Mask
    judged: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Chunks by number; only replaced, never changed but for what it remembers.

    Args:
        commit: up to which it serves all commits that are kept.
        collected: how often something was collected.
        generation: of the table.
        ids, tenants, first, last: of each number; a tenant by its place in `names`.
        names: the tenants.
        files: the words of the first numbers, mapped from files.
        tail: the words of the others.
    """

    commit: int
    collected: int
    generation: int
    ids: Ids
    tenants: Whole
    first: Whole
    last: Whole
    names: dict[str, int]
    files: tuple[Postings, ...]
    tail: tuple[Postings, ...]
    rankers: dict[tuple[int, str | None], TermRanker] = field(default_factory=dict)
    allowed: dict[Scope, Allowed] = field(default_factory=dict)

    def live(self, view: View) -> Mask:
        """Which numbers stand at a view's commit and are of its tenant."""
        commit, burnt = view.scope.commit or 0, view.head.burnt
        mask: Mask = (self.first <= commit) & ((self.last > commit) | np.isin(self.last, burnt))
        if burnt:
            mask &= ~np.isin(self.first, burnt)
        if view.scope.tenant is not None:
            mask &= self.tenants == self.names.get(view.scope.tenant, -1)
        return mask


def remembered(cache: dict[Key, Item], key: Key, make: Callable[[], Item], most: int) -> Item:
    """What is kept under a key, made where nothing is; the oldest of too many goes. Safe under threads."""
    item = cache.get(key)
    if item is None:
        item = make()
        if len(cache) >= most and (oldest := next(iter(list(cache)), None)) is not None:
            cache.pop(oldest, None)
        cache[key] = item
    return item


class Snapshots:
    """The newest snapshot, brought up to date when a newer commit is asked for."""

    def __init__(self, records: Records, table: ChunkTable, files: WordFiles) -> None:
        self._records, self._table, self._files = records, table, files
        self._newest: Snapshot | None = None
        self._instead: dict[str, Postings] = {}  # of files that are lost or damaged
        self._lock = threading.Lock()

    def of(self, commit: int, *, generation: int | None = None) -> Snapshot:
        """One that serves a commit.

        Args:
            commit: it is committed, and kept.
            generation: of the table; of any, if None.

        Raises:
            StoreError: the table cannot be read.
        """
        held = self._newest
        if held is None or held.commit < commit or generation not in (None, held.generation):
            with self._lock:
                held = self._newest
                if held is None or held.commit < commit or generation not in (None, held.generation):
                    held = self._newest = self._loaded(held)
        return held

    def _loaded(self, old: Snapshot | None) -> Snapshot:
        for _ in range(_ATTEMPTS):
            # What is read after these two is at least as new.
            number, collected = self._head()
            named = self._records.words()
            found = self._caught_up(old, number, collected, named)
            # Of what was collected in between the end may not have been read.
            if found is not None and self._head()[1] == collected:
                return found
        raise ChangedError("the table was written anew all the time while it was asked for words. Try again")

    def _head(self) -> tuple[int, int]:
        """The current commit, and how often something was collected."""
        head = self._records.head() or {"number": 0, "generation": 0}
        return int(head["number"]), int(head["generation"])

    def _caught_up(
        self, old: Snapshot | None, number: int, collected: int, named: WordsNamed
    ) -> Snapshot | None:
        """None where files or table were replaced meanwhile."""
        if old is not None and old.generation != named.generation:
            old = None
        words = () if old is None else old.tail
        if old is not None and old.collected != collected:
            old = None  # a chunk of it may have ended and gone, which the table does not tell
        known = 0 if old is None else len(old.ids)
        read = self._table.read(partial(_read, known=known, generation=named.generation))
        if read is None:
            return None
        new, ended = read
        there = (postings.first_row + len(postings.lengths) for postings in words)
        n = max(known, named.end, *there, 1 + int(new[ROW].max(initial=-1)))
        files = self._files_of(named)
        tail = None if files is None else self._tail_of(words, named, n)
        if files is None or tail is None:
            return None
        names = {} if old is None else dict(old.names)
        tenants = np.array([names.setdefault(name, len(names)) for name in new["tenant"]], dtype=np.int64)

        def column(name: str, empty: Any, values: Any) -> Any:
            grown = np.full(n, empty, dtype=values.dtype)
            if old is not None:
                grown[:known] = getattr(old, name)
            grown[new[ROW]] = values
            return grown

        last = column("last", OPEN, new["last"])
        last[ended[ROW]] = ended["last"]
        ids, first = column("ids", b"", as_ids(new["id"])), column("first", _NEVER, new["first"])
        owners = column("tenants", -1, tenants)
        return Snapshot(number, collected, named.generation, ids, owners, first, last, names, files, tail)

    def _files_of(self, named: WordsNamed) -> tuple[Postings, ...] | None:
        """The words in files; of one that is lost or damaged those of the table."""
        self._files.keep(named.files)
        opened = []
        for file in named.files:
            own = self._files.read(file) or self._instead.get(file.name)
            if own is None and self._records.words() == named:
                own = self._made(file.first_row, file.end, named)
                if own is not None:
                    self._instead = {file.name: own}
            if own is None:
                return None
            opened.append(own)
        return tuple(opened)

    def _tail_of(self, known: tuple[Postings, ...], named: WordsNamed, n: int) -> tuple[Postings, ...] | None:
        """The words of the numbers after those in files: what was known, and one more."""
        kept: list[Postings] = []
        first = named.end
        for postings in known:
            if postings.first_row == first:
                kept.append(postings)
                first += len(postings.lengths)
        if first < n:
            made = self._made(first, n, named)
            if made is None:
                return None
            taken = n_to_merge([own.n_postings for own in kept], made.n_postings)
            kept[len(kept) - taken :] = [merge([*kept[len(kept) - taken :], made])] if taken else [made]
        return tuple(kept)

    def _made(self, first: int, end: int, named: WordsNamed) -> Postings | None:
        async def ask(table: Any) -> Postings | None:
            if table.name != name_of(named.generation):
                return None
            return await read_words(table, first, end)

        return self._table.read(ask)


async def _read(table: Any, *, known: int, generation: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The chunks from a number on, and the ends of those before it; None of another generation."""
    if table.name != name_of(generation):
        return None
    query = table.query().select(list(_COLUMNS))
    new = await (query.where(f"{ROW} >= {known:d}") if known else query).to_arrow()
    ended: dict[str, Any] = {ROW: np.zeros(0, dtype=np.int64), "last": np.zeros(0, dtype=np.int64)}
    if known:
        wanted = f"last < {OPEN:d} AND {ROW} < {known:d}"
        found = await table.query().select([ROW, "last"]).where(wanted).to_arrow()
        ended = {name: found.column(name).to_numpy() for name in (ROW, "last")}
    columns: dict[str, Any] = {name: new.column(name).to_numpy() for name in (ROW, "first", "last")}
    return columns | {name: new.column(name).to_pylist() for name in ("id", "tenant")}, ended
