"""What a store may offer beyond `VectorStore`, each as a protocol of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ragkit.protocols import Change, Scope, Vectors
from ragkit.types import Chunk


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a store keeps, its current commit and what that does not show any more.

    Args:
        commit: the current one.
        kept_from: the oldest commit that can still be read in full.
        generation: how often the files were written anew without what was replaced.
        n_chunks: all chunks that are kept.
        n_ended: those of them that were replaced or removed.
        n_bytes: size of all files.
        to_erase: whether something that was deleted is not yet gone from all files; see `erases_files`.
        erases_files: whether that speaks of files. Where a server or another engine keeps them, it decides
            when bytes leave, and `to_erase` says whether anything can still be read.
    """

    commit: int
    kept_from: int = field(kw_only=True)
    generation: int = field(kw_only=True)
    n_chunks: int = field(kw_only=True)
    n_ended: int = field(kw_only=True)
    n_bytes: int = field(kw_only=True)
    to_erase: bool = field(kw_only=True)
    erases_files: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did.

    Args:
        n_collected: versions of documents, and chunks, that left the files.
        n_held: those that stay until readers of older commits are done.
        erased: whether no byte of what was to be erased is left in the files.
    """

    n_collected: int
    n_held: int = field(kw_only=True)
    erased: bool = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Engine:
    """What a store really runs on.

    >>> Engine("SQLite", version="3.45.1").is_real
    True

    Args:
        name: of the engine, or of several joined by ` + `.
        version: as the engine itself says it.
        stand_in: what stands in for it, such as recorded answers or a client's local mode; empty for the
            engine itself.
    """

    name: str
    version: str = field(kw_only=True)
    stand_in: str = field(default="", kw_only=True)

    @property
    def is_real(self) -> bool:
        """Whether what holds here holds of the engine."""
        return not self.stand_in


@runtime_checkable
class NamedEngine(Protocol):
    """A store, or the dense index of one, that says what it runs on."""

    def engine(self) -> Engine:
        """The engine that this opened store talks to."""
        ...


@runtime_checkable
class ScratchStore(Protocol):
    """A store, as configuration makes it, that can make others like it for a while."""

    def scratch(self, name: str) -> AbstractContextManager[Any]:
        """A store with the same settings, not opened, in a place of its own that holds nothing.

        The place (a folder, a schema, a collection) has `name` in its name, and was not there before. When
        the block ends, it and all that lies in it are removed, whatever happened. Nothing else is touched.
        """
        ...


@runtime_checkable
class LockingStore(Protocol):
    """A store with one writer at a time."""

    def writing(self) -> AbstractContextManager[None]:
        """Holds the right to write over several commits; other writers are refused meanwhile."""
        ...


@runtime_checkable
class HoldingStore(Protocol):
    """A store that keeps a commit for as long as somebody reads it."""

    def hold(self) -> AbstractContextManager[int]:
        """The current commit, which stays readable in full for the time of the block."""
        ...


@runtime_checkable
class ReadingStore(Protocol):
    """A store that keeps what a reranker read in chunks."""

    def readings(self, ids: Sequence[str], scope: Scope) -> list[bytes | None]:
        """What was kept for each chunk; None where nothing is, or the scope does not show it."""
        ...


@runtime_checkable
class RereadingStore(ReadingStore, Protocol):
    """A store that can tell of which chunks it keeps no reading, and takes readings of what is committed."""

    def unread(
        self, is_sound: Callable[[bytes, Chunk], bool] | None = None, *, mark: bytes = b""
    ) -> Iterator[list[Chunk]]:
        """Chunks of the current commit without a reading that begins with `mark`, or with one that `is_sound`
        refuses.

        Those of all tenants, some at a time, without their owners.
        """
        ...

    def keep_readings(self, readings: Mapping[str, bytes]) -> bool:
        """Keeps readings by chunk id in place of what is there; whether it could."""
        ...


@runtime_checkable
class CollectingStore(Protocol):
    """A store that can be rid of what was replaced or removed."""

    def holdings(self) -> Holdings:
        """What is kept, and how much of it the current commit does not show."""
        ...

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Takes out of all files what no reader can see; waits so long for readers of older commits."""
        ...

    def erase(self, changes: Sequence[Change], *, wait_s: float = 30.0) -> Compaction:
        """Commits removals, then compacts. Where the process dies in between, the next compaction ends it."""
        ...


@runtime_checkable
class PreparingStore(Protocol):
    """A store of which something takes long to build, and can be built before anybody asks."""

    def prepare(self) -> None:
        """Builds and keeps what a question at the current commit needs."""
        ...


@runtime_checkable
class MendableStore(Protocol):
    """A store that can prove its content and make what is derived anew."""

    def verify(self) -> list[str]:
        """One line per problem, with its remedy."""
        ...

    def repair(self, embed: Callable[[Sequence[str]], Vectors] | None = None) -> list[str]:
        """One line per thing mended; `embed` gives unit vectors, shape `[n, d]`."""
        ...
