"""What every read needs of every row, in memory: id, tenant, acl, first and last commit."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import ID_BYTES, Ids
from ragkit.errors import CorruptIndexError
from ragkit.fields import ACL, TENANT
from ragkit.filters import (
    And,
    Filter,
    Not,
    Or,
    fields_used,
    matches,
)
from ragkit.store.local.codec import metadata_of

Mask = NDArray[np.bool_]
_COLUMNS: dict[str, Any] = {
    "ids": f"S{ID_BYTES}",
    "tenants": np.int32,
    "acls": np.int32,
    "first": np.int64,
    "last": np.int64,
}


class RowTable:
    """Columns over all rows. They only grow, but for `last`, which is set once when a row is replaced.

    A reader holds views of the first n rows: rows appended behind them, and ends set to commits after the
    one it has pinned, change nothing that it sees.
    """

    def __init__(self) -> None:
        self._data: dict[str, NDArray[Any]] = {n: np.empty(0, dtype=d) for n, d in _COLUMNS.items()}
        self.n = 0
        self.tenant_codes: dict[str, int] = {}
        self.acl_sets: dict[int, frozenset[str]] = {}

    def load(self, connection: sqlite3.Connection, seen: int) -> None:
        """Takes in what was committed after commit `seen`. Call it within one read transaction.

        Raises:
            CorruptIndexError: the rows are not what was written.
        """
        ended = connection.execute(
            "SELECT row, to_commit FROM chunks "
            "WHERE to_commit > ? AND to_commit < 4611686018427387904 AND row < ?",
            (seen, self.n),
        ).fetchall()
        added = connection.execute(
            "SELECT id, tenant, acl, from_commit, to_commit FROM chunks WHERE row >= ? ORDER BY row",
            (self.n,),
        ).fetchall()
        try:
            if added:
                self._append(added)
            for row, commit in ended:
                self._data["last"][row] = commit
            self.tenant_codes = dict(connection.execute("SELECT name, code FROM tenants"))
            self.acl_sets = {
                code: frozenset(json.loads(groups))
                for code, groups in connection.execute("SELECT code, groups FROM acls")
            }
        except (ValueError, TypeError, IndexError) as e:
            raise CorruptIndexError(
                f"the manifest's rows are damaged ({e}). ragkit verify shows all that is; restore the folder "
                "from a copy, or ingest again into a new folder"
            ) from e

    def _append(self, added: list[tuple[Any, ...]]) -> None:
        n = self.n + len(added)
        ids, *rest = zip(*added, strict=True)
        columns = [np.frombuffer(b"".join(ids).hex().encode(), dtype=f"S{ID_BYTES}"), *map(np.array, rest)]
        for (name, old), new in zip(list(self._data.items()), columns, strict=True):
            if len(old) < n:
                grown = np.empty(max(n, 2 * len(old)), dtype=old.dtype)
                grown[: self.n] = old[: self.n]
                self._data[name] = old = grown
            old[self.n : n] = new
        self.n = n

    @property
    def ids(self) -> Ids:
        """The chunk id of each row."""
        return self._data["ids"][: self.n]

    def live(self, commit: int, tenant: str | None, n: int) -> Mask:
        """Which of the first `n` rows stand at a commit, of one tenant (of all, if None)."""
        mask = np.asarray((self._data["first"][:n] <= commit) & (self._data["last"][:n] > commit))
        if tenant is not None:
            mask &= self._data["tenants"][:n] == self.tenant_codes.get(tenant, -1)
        return mask

    def readable(self, acl: tuple[str, ...], n: int) -> Mask:
        """Which rows' groups and the reader's have one in common; a row without groups is for nobody."""
        groups = frozenset(acl)
        table = np.zeros(max(self.acl_sets, default=-1) + 1, dtype=bool)
        for code, allowed in self.acl_sets.items():
            table[code] = not groups.isdisjoint(allowed)
        return np.asarray(table[self._data["acls"][:n]])


@dataclass(slots=True)
class _Column:
    """One field of all rows: `codes[row]` is the position of the row's value in `values`."""

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

    def mask(self, wanted: Filter, n: int, connection: sqlite3.Connection) -> Mask:
        """The first `n` rows that satisfy a filter."""
        with self._lock:
            if self._n < n:
                self._read(n, connection)
        return self._evaluate(wanted, n)

    def _read(self, n: int, connection: sqlite3.Connection) -> None:
        shapes = connection.execute(
            "SELECT shape FROM chunks WHERE row >= ? AND row < ? ORDER BY row", (self._n, n)
        )
        codes: dict[str, list[int]] = {name: [] for name in self._names}
        empty = np.empty(0, dtype=np.int32)
        grown = {name: self._columns.get(name) or _Column(empty, [], {}) for name in self._names}
        for (shape,) in shapes:
            metadata = metadata_of(shape)
            for name, column in grown.items():
                codes[name].append(_code(metadata.get(name), column))
        self._columns = {
            name: _Column(
                np.concatenate([column.codes, np.array(codes[name], dtype=np.int32)]),
                column.values,
                column.positions,
            )
            for name, column in grown.items()
        }
        self._n = n

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
