"""What Qdrant does for the store, in the store's words, wherever it runs.

`client.py` says it to a server, a cloud or the client's local mode, `edge.py` to the engine within the
process. Each call is one of the vendor's and may be made again: what is written has an id or a condition of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from ragkit.errors import StoreError
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.server import Found, Point

DENSE, TERMS = "dense", "terms"  # the names of the two vectors of a chunk
Kind: TypeAlias = Literal["tenant", "keyword", "integer", "float"]


@dataclass(frozen=True, slots=True, eq=False)
class Nearby:
    """A question by vector.

    Args:
        vector: shape `[d]`.
        ef: candidates of the HNSW index while it is searched; None compares with all.
        is_read: whether hits come with their vectors.
    """

    vector: list[float]
    ef: int | None
    is_read: bool


Question: TypeAlias = Nearby | Mapping[int, float]  # the second by weights of numbered terms


@dataclass(frozen=True, slots=True)
class Vectoring:
    """The vectors of a collection that is there.

    Args:
        described: each by name, with its length and distance.
        size: length of those of chunks; 0 where there are none.
        is_dot: whether they are compared by the dot product.
        has_terms: whether it holds sparse vectors of terms.
        is_float32: whether what is compared is what was written.
    """

    described: Mapping[str, tuple[int, str]]
    size: int
    is_dot: bool
    has_terms: bool
    is_float32: bool


class Qdrant(Protocol):
    """Collections of points."""

    def failures(self) -> tuple[type[Exception], ...]:
        """What its calls may raise."""
        ...

    def explain(self, error: Exception, where: str) -> StoreError:
        """Our error for one of these."""
        ...

    def version(self) -> str:
        """As it says itself; empty where it says none."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is such a collection."""
        ...

    def create(self, name: str, dimension: int | None) -> None:
        """Makes a collection: of chunks with vectors of so many numbers, or of records without any."""
        ...

    def drop(self, name: str) -> None:
        """Removes a collection; it may be gone already."""
        ...

    def vectoring(self, name: str) -> Vectoring:
        """What vectors it holds."""
        ...

    def index(self, name: str, key: str, kind: Kind) -> None:
        """Lets conditions on a key be found quickly."""
        ...

    def put(self, name: str, points: Sequence[Point]) -> None:
        """Writes points under their ids."""
        ...

    def set(self, name: str, values: Mapping[str, Any], condition: Condition, only: str | None) -> None:
        """Sets keys of all points for which a condition holds, or of the one with an id, in one step."""
        ...

    def delete(self, name: str, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        ...

    def remove(self, name: str, ids: Sequence[str]) -> None:
        """Removes the points with these ids."""
        ...

    def retrieve(self, name: str, ids: Sequence[str], *, is_read: bool) -> dict[str, Found]:
        """The points with these ids that are there, by id: their payload, or their vector where `is_read`."""
        ...

    def count(self, name: str, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        ...

    def page(
        self, name: str, condition: Condition, keys: Sequence[str], offset: Any, *, is_read: bool
    ) -> tuple[list[Found], Any]:
        """Some points for which a condition holds, and where the next page begins; None after the last."""
        ...

    def ask(
        self, name: str, questions: Sequence[Question], condition: Condition, keys: Sequence[str], limit: int
    ) -> list[list[Found]]:
        """Hits for each question, best first, in one request."""
        ...

    def settle(self, name: str) -> None:
        """Returns when what was written outlasts the machine's end, where that is this side's work."""
        ...

    def tidy(self, *, is_erased: bool) -> None:
        """Lets go of the room of what was deleted, where that is this side's work.

        Args:
            is_erased: whether nothing that was deleted may be left in its files.
        """
        ...

    def close(self) -> None:
        """Ends it."""
        ...
