"""A namespace: its log, the copies that follow it, and what it refuses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from tests.connectors.loopback import Refusal

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda held, said: said in held, "$ne": lambda held, said: said not in held,
    "$in": lambda held, said: not set(said).isdisjoint(held),
    "$nin": lambda held, said: set(said).isdisjoint(held),
    "$gt": lambda held, said: any(h > said for h in held),
    "$gte": lambda held, said: any(h >= said for h in held),
    "$lt": lambda held, said: any(h < said for h in held),
    "$lte": lambda held, said: any(h <= said for h in held),
}  # fmt: skip
Row = dict[str, Any]


def refused(said: str, status: int = 400) -> Refusal:
    """An error in the form of the real server's."""
    return Refusal(status, {"code": 3, "message": said, "details": []})


class Copy:
    """What one copy of a namespace knows: the log up to a number."""

    def __init__(self, pace: int) -> None:
        self.pace, self.lsn = pace, 0
        self.rows: dict[str, Row] = {}


class Space:
    """A namespace."""

    def __init__(self, fields: dict[str, Any] | None) -> None:
        self.fields = fields
        self.log: list[Callable[[dict[str, Row]], None]] = []
        self._now = Copy(0)
        self.copies = [Copy(3), Copy(1)]
        self.fetched = Copy(2)  # what fetches see, at a time of its own

    def write(self, change: Callable[[dict[str, Row]], None]) -> int:
        """Notes a change; its number."""
        self.log.append(change)
        self._follow(self._now, 1)
        return len(self.log)

    def next_copy(self, *, is_lagging: bool) -> Copy:
        """The copy that answers; afterwards each goes on by as much as it manages."""
        copy = self.copies[0]
        if not is_lagging:
            self._follow(copy, len(self.log))
            return copy
        self.copies.reverse()
        told = Copy(copy.pace)
        told.lsn, told.rows = copy.lsn, dict(copy.rows)
        for one in self.copies:
            self._follow(one, one.pace)
        return told

    def fetcher(self, *, is_lagging: bool) -> Copy:
        """What fetches see; afterwards it goes on."""
        told = Copy(0)
        if not is_lagging:
            self._follow(self.fetched, len(self.log))
        told.rows = dict(self.fetched.rows)
        self._follow(self.fetched, self.fetched.pace)
        return told

    def newest(self) -> dict[str, Row]:
        """All that was written."""
        return dict(self._now.rows)

    def _follow(self, copy: Copy, n: int) -> None:
        for change in self.log[copy.lsn : copy.lsn + n]:
            change(copy.rows)
            copy.lsn += 1

    def holds(self, wanted: Any, row: Row) -> bool:
        """Whether a filter means a record."""
        if not isinstance(wanted, dict) or len(wanted) != 1:
            raise refused(f"Invalid filter: {json.dumps(wanted)[:100]}")
        ((key, said),) = wanted.items()
        if key in ("$and", "$or"):
            if not isinstance(said, list) or not said:
                raise refused(f"the {key} operator must be followed by a non-empty list")
            # One that settles it is enough: then a denial of a field that is absent need not be asked for.
            parts = (self.holds(part, row) for part in said)
            return all(parts) if key == "$and" else any(parts)
        if key.startswith("$"):
            raise refused(f"unknown operator {key}")
        if self.fields is not None and key not in self.fields:
            raise refused(f"field {key} is not filterable by the namespace's schema")
        ((operator, value),) = said.items()
        if operator not in _OPERATORS:
            raise refused(f"{operator} is not a valid operator")
        if operator in ("$in", "$nin") and (not isinstance(value, list) or not 1 <= len(value) <= 10_000):
            raise refused(f"{operator} takes a list of 1 to 10,000 values")
        if operator not in ("$in", "$nin") and isinstance(value, list | dict | None):
            raise refused(f"{operator} takes a value")
        held = row["metadata"].get(key)
        if held is None and operator in ("$ne", "$nin"):
            raise AssertionError("what a denial means where the field is absent is not documented")
        return _OPERATORS[operator](held if isinstance(held, list) else [] if held is None else [held], value)


def checked(vectors: Any, dimension: int) -> list[Row]:
    """The records of an upsert."""
    if not isinstance(vectors, list) or not 1 <= len(vectors) <= 1000:
        raise refused("the number of vectors must be between 1 and 1000")
    for one in vectors:
        if set(one) - {"id", "values", "metadata"}:
            raise refused(f"unknown fields {sorted(one)}")
        if not one["id"] or len(one["id"]) > 512 or not one["id"].isascii():
            raise refused(f"Vector ID must be ASCII, got {one['id'][:40]!r}")
        values = one["values"]
        if len(values) != dimension:
            raise refused(
                f"Vector dimension {len(values)} does not match the dimension of the index {dimension}"
            )
        if not any(values) or not all(math.isfinite(v) for v in values):
            raise refused("Dense vectors must contain at least one non-zero value.")
        check_metadata(one["metadata"])
    return [{**one, "metadata": dict(one["metadata"])} for one in vectors]


def check_metadata(metadata: dict[str, Any]) -> None:
    """Refuses what no record may have beside its vector."""
    for key, value in metadata.items():
        is_list = isinstance(value, list) and all(isinstance(v, str) for v in value)
        if not (is_list or isinstance(value, str | int | float | bool)):
            raise refused(
                "Metadata value must be a string, number, boolean or list of strings, "
                f"got {value!r} for field {key}"
            )
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size > 40_960:
        raise refused(f"Metadata size is {size} bytes, which exceeds the limit of 40960 bytes per vector")
