"""The declared fields of every chunk, by column, in memory: what a filter is resolved against."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.fields import ACL, TENANT
from ragkit.filters import And, Filter, Not, Or, fields_used, matches
from ragkit.store.codec import metadata_of
from ragkit.store.local.rows import Mask


@dataclass(slots=True)
class _Column:
    """One field: `codes[i]` says where in `values` the value of the chunk at position `i` stands."""

    codes: NDArray[np.int32]
    values: list[Any]
    positions: dict[Any, int]


class FieldColumns:
    """Declared fields by column, read from the manifest when a filter first asks for them.

    Each distinct value is judged once by the reference evaluator, so the answer is its answer by design.
    """

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._names = [name for name in fields if name not in (TENANT, ACL)]
        self._columns: dict[str, _Column] = {}
        self._n = 0
        self._lock = threading.Lock()

    def mask(self, wanted: Filter, rows: NDArray[np.int64], connection: sqlite3.Connection) -> Mask:
        """Which of the chunks in `rows` (all from position 0 on) satisfy a filter."""
        with self._lock:
            if self._n < len(rows):
                self._read(rows, connection)
        return self._evaluate(wanted, len(rows))

    def _read(self, rows: NDArray[np.int64], connection: sqlite3.Connection) -> None:
        fresh = rows[self._n :]
        shapes = connection.execute(
            "SELECT row, shape FROM chunks WHERE row >= ? AND row <= ? ORDER BY row",
            (int(fresh[0]), int(fresh[-1])),
        )
        empty = np.empty(0, dtype=np.int32)
        grown = {name: self._columns.get(name) or _Column(empty, [], {}) for name in self._names}
        found: list[int] = []
        values: dict[str, list[int]] = {name: [] for name in self._names}
        for row, shape in shapes:
            found.append(row)
            metadata = metadata_of(shape)
            for name, column in grown.items():
                values[name].append(_code(metadata.get(name), column))
        at = np.searchsorted(fresh, found)
        # A chunk that was collected meanwhile is one that no reader sees: it keeps the code of no value.
        codes = {
            name: np.full(len(fresh), _code(None, column), dtype=np.int32) for name, column in grown.items()
        }
        for name, own in values.items():
            codes[name][at] = own
        self._columns = {
            name: _Column(np.concatenate([column.codes, codes[name]]), column.values, column.positions)
            for name, column in grown.items()
        }
        self._n = len(rows)

    def _evaluate(self, wanted: Filter, n: int) -> Mask:
        match wanted:
            case And(parts):
                mask = np.ones(n, dtype=bool)
                for part in parts:
                    mask &= self._evaluate(part, n)
                return mask
            case Or(parts):
                mask = np.zeros(n, dtype=bool)
                for part in parts:
                    mask |= self._evaluate(part, n)
                return mask
            case Not(part):
                return ~self._evaluate(part, n)
        (name,) = fields_used(wanted)
        column = self._columns.get(name)
        if column is None:
            return np.full(n, matches(wanted, {}))
        table = np.array([matches(wanted, {name: value}) for value in column.values], dtype=bool)
        return np.asarray(table[column.codes[:n]])


def _code(value: Any, column: _Column) -> int:
    # The type is part of the key: 1, 1.0 and True are equal as keys of a dict, and not alike in a filter.
    key = (type(value), tuple((type(v), v) for v in value) if isinstance(value, list) else value)
    code = column.positions.get(key)
    if code is None:
        code = column.positions[key] = len(column.values)
        column.values.append(value)
    return code
