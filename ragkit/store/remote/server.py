"""What a server must be able to do to hold an index: the calls that a connector puts into its client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from ragkit.errors import StoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Condition

Place: TypeAlias = Literal["chunks", "records"]
CHUNKS: Place = "chunks"
RECORDS: Place = "records"


class ReadOnlyError(StoreError):
    """The server refuses what this user may not do: most of all, to write."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """What is written: a payload under an id of its own, a UUID; chunks with their vector (shape `[d]`)."""

    id: str
    payload: dict[str, Any] = field(kw_only=True)
    vector: Vectors | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What comes back: the keys that were asked for, the vector where it was, and the server's score.

    Args:
        payload: the keys.
        read_vector: reads the vector out of what the client gave, which takes time, and of most hits none
            is needed.
        score: as the server finds it.
    """

    payload: dict[str, Any]
    read_vector: Callable[[], Vectors] | None = field(default=None, kw_only=True)
    score: float = field(default=0.0, kw_only=True)

    @property
    def vector(self) -> Vectors | None:
        """The vector, shape `[d]`; None where it was not asked for, or is lost."""
        return None if self.read_vector is None else self.read_vector()


class RemoteServer(Protocol):
    """Calls of a client, behind one door. Each retries what fails for now, and may be made again.

    All raise `StoreError`; `TransientStoreError` where the same call may go through later.
    """

    @property
    def where(self) -> str:
        """Which index is meant, for people; no secret in it."""
        ...

    @property
    def lease_s(self) -> int:
        """How long a writer that is silent keeps others from writing."""
        ...

    @property
    def restore(self) -> str:
        """What mends a damaged index, for people, such as `Restore the collections from a snapshot`."""
        ...

    def head(self) -> dict[str, Any] | None:
        """The record of commits as it is now, also where it was written a moment ago; None without one."""
        ...

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Sets keys of the record of commits if it holds what is expected, in one step against all others."""
        ...

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Writes points under their ids.

        One that is there already is the same one, unless `replace` says that it is to be overwritten.
        """
        ...

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Sets keys of all points for which a condition holds when each is changed."""
        ...

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        ...

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes the points with these ids, also where searches do not find them yet."""
        ...

    def settle(self) -> None:
        """Returns when everybody's next call finds what was written before."""
        ...

    def count(self, place: Place, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        ...

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """The same for each of several conditions, in as few requests as may be."""
        ...

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All points for which a condition holds, in no order."""
        ...

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """For each row of `vectors`, chunks by cosine similarity to it, nearest first, with their vectors.

        In as few requests as may be. Scores are similarities as the server finds them. Where `is_exact`,
        fewer than `limit` only where fewer are there.
        """
        ...

    def n_bytes(self) -> int:
        """Size of all files; 0 where the server does not tell."""
        ...

    def close(self) -> None:
        """Closes the client."""
        ...


@runtime_checkable
class ProposingServer(RemoteServer, Protocol):
    """One that finds chunks by their words, and adds up what each may score."""

    @property
    def sparse_loss(self) -> float:
        """By what part at most the sum of a proposal may be too small."""
        ...

    def propose(
        self, condition: Condition, queries: Sequence[Mapping[str, float]], limit: int
    ) -> list[list[Found]]:
        """For each query, chunks that hold one of its words, by the sum of what each adds, greatest first.

        In as few requests as may be.
        """
        ...


@runtime_checkable
class ScoringServer(RemoteServer, Protocol):
    """One that tells the similarity to the float32 vectors themselves, so that few of them must be read.

    It is also one on which fewer conditions make a search faster: commits are left out of the condition, and
    each hit is judged here, until a search shows that the index holds too much of other commits.
    """

    @property
    def score_error(self) -> float | None:
        """By how much at most a similarity may differ from the exact one; None where nobody can tell."""
        ...

    def nearest_scores(
        self, condition: Condition, vectors: Vectors, limit: int, keys: Sequence[str], *, is_exact: bool
    ) -> list[list[Found]]:
        """What `nearest` gives, with these keys and without vectors."""
        ...

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The stored vectors of the points with these ids, in one request; what is not there is left out."""
        ...
