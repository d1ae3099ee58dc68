"""What a reader holds: the index as of one commit, and what a scope shows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from ragkit.protocols import DenseIndex, Scope, TermRanker, Vectors
from ragkit.store.bm25.postings import Postings
from ragkit.store.local.columns import FieldColumns
from ragkit.store.local.manifest import Head
from ragkit.store.local.rows import Mask, RowTable

_Key = TypeVar("_Key")
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All that a search needs, as of one commit; only replaced, never changed but for what it remembers.

    Snapshots of one generation share `table` and `fields`, which only grow.
    """

    head: Head
    table: RowTable
    fields: FieldColumns
    matrix: Vectors
    index: DenseIndex
    segments: tuple[Postings, ...]
    views: dict[Scope, View] = field(default_factory=dict)
    rankers: dict[tuple[int, str | None], TermRanker] = field(default_factory=dict)
    found: dict[str, tuple[Place, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk is: its row in the manifest, and its position in the files of this generation."""

    row: int
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a scope shows of a snapshot: `allowed` has a flag per position, None where it shows all."""

    snapshot: Snapshot
    commit: int
    allowed: Mask | None


def remember(cache: dict[_Key, _Item], key: _Key, item: _Item, most: int) -> None:
    """Keeps an item, dropping the oldest; safe under threads, as every step is one call into the dict."""
    if len(cache) >= most and (oldest := next(iter(list(cache)), None)) is not None:
        cache.pop(oldest, None)
    cache[key] = item
