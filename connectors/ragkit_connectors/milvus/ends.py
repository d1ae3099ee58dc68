"""What commits have ended, until the rows say so themselves.

Milvus changes no row under a condition, and a writer that was asleep must not end what another one has
written since. So a commit writes no row that is there already: it notes which documents it ends, the record
of commits names that note together with the new number, in one step, and afterwards the rows are written
again with their end. Readers go by notes and rows alike. That may be repeated, by whoever writes next, and a
late repeat writes what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ragkit.errors import CorruptIndexError
from ragkit.store.remote.conditions import AllOf, Among, Condition
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.server import CHUNKS, RECORDS, Place, Point
from ragkit.store.remote.words import point_id
from ragkit_connectors.milvus.calls import Calls
from ragkit_connectors.milvus.expressions import Ended, expression, key_of, with_pks
from ragkit_connectors.milvus.rows import joined, row_of

_KIND = "ends"
_AT_ONCE = 100  # rows that are written again in one request
_PLACES: tuple[Place, ...] = (CHUNKS, RECORDS)

_Noted = dict[Place, frozenset[str]]


class Ends:
    """The notes that this process knows of.

    Args:
        named: the collection of a place.
        rows: all rows of a place for an expression, with these columns.
    """

    def __init__(
        self,
        calls: Calls,
        named: Callable[[Place], str],
        rows: Callable[[Place, str, Sequence[str]], Iterable[Mapping[str, Any]]],
    ) -> None:
        self._calls = calls
        self._named = named
        self._rows = rows
        self._noted: dict[int, _Noted] = {}
        self._written: set[int] = set()

    def of(self, place: Place) -> tuple[Ended, ...]:
        """What is ended in a place and may not be said by its rows."""
        noted = sorted(self._noted.copy().items())
        return tuple(Ended(number, keys[place]) for number, keys in noted if keys.get(place))

    def is_noted(self, number: int) -> bool:
        """Whether a number ends anything that the rows may not say."""
        return any(self._noted.get(number, {}).values())

    def is_written(self, number: int) -> bool:
        """Whether the rows say all that a number ends."""
        return number in self._written

    def note(self, place: Place, number: int, condition: Condition) -> None:
        """Notes that a commit ends the rows of a place for which a condition holds; it names their keys."""
        assert isinstance(condition, AllOf)
        key = key_of(place)
        assert any(isinstance(part, Among) and part.key == key for part in condition.parts)
        said = expression(condition, place, self.of(place))
        there = frozenset(row[key] for row in self._rows(place, said, [key]))
        if not there:
            return
        noted = dict(self._noted.get(number, {}))
        noted[place] = noted.get(place, frozenset()) | there
        body = {str(name): sorted(codes) for name, codes in noted.items()}
        point = Point(_pk(number), payload={"kind": _KIND, "number": number, "ends": body})
        self._calls.call("upsert", self._named(RECORDS), data=[row_of(point, RECORDS, self._calls.where)])
        self._noted[number] = noted

    def learn(self, numbers: Sequence[int]) -> bool:
        """Reads the notes of these numbers; False where one is gone, for it is not needed any more."""
        for number in numbers:
            if number not in self._noted and number not in self._written:
                rows = self._calls.call(
                    "query", self._named(RECORDS), filter=with_pks([_pk(number)]),
                    output_fields=["content"], consistency_level="Strong",
                )  # fmt: skip
                if not rows:
                    return False
                self._noted[number] = self._read(rows[0]["content"])
        return True

    def write(self, numbers: Sequence[int]) -> None:
        """Lets the rows say what these numbers end."""
        for number in sorted(numbers):
            for place, codes in self._noted.get(number, {}).items():
                self._write(place, number, sorted(codes))
            self._written.add(number)
            self._noted.pop(number, None)

    def forget(self, numbers: Sequence[int]) -> None:
        """Removes notes that nobody goes by any more."""
        for number in numbers:
            self._noted.pop(number, None)
        if numbers:
            self._calls.call("delete", self._named(RECORDS), filter=with_pks(map(_pk, numbers)))

    def _write(self, place: Place, number: int, codes: Sequence[str]) -> None:
        listed = ", ".join(f'"{one}"' for one in codes)
        standing = f"{key_of(place)} in [{listed}] and from_commit < {number} and to_commit == {OPEN}"
        pks = [row["pk"] for row in self._rows(place, standing, ["pk"])]
        for first in range(0, len(pks), _AT_ONCE):
            rows = list(self._rows(place, with_pks(pks[first : first + _AT_ONCE]), ["*"]))
            made = [{**row, "to_commit": number} for row in rows]
            if made:
                self._calls.call("upsert", self._named(place), data=made)

    def _read(self, slices: Sequence[str]) -> _Noted:
        try:
            ends = joined(slices)["ends"]
            return {place: frozenset(ends[place]) for place in _PLACES if place in ends}
        except (KeyError, TypeError) as e:
            raise CorruptIndexError(
                f"{self._calls.where}: what a commit has ended is unreadable ({e!r}). Restore the "
                "collections from a backup, or ingest again"
            ) from e


def _pk(number: int) -> str:
    return point_id("ends", str(number))
