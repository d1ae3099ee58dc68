"""What every read needs of every chunk, in memory: row, id, tenant, acl, first and last commit.

A chunk has a *row*, its number in the manifest for good, and a *position*, its place in the vector file of
one generation. Positions follow the order of rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import ID_BYTES, Ids
from ragkit.errors import CorruptIndexError

Mask = NDArray[np.bool_]
_BLOCK_ROWS = 100_000
_COLUMNS: dict[str, Any] = {
    "rows": np.int64,
    "ids": f"S{ID_BYTES}",
    "tenants": np.int32,
    "acls": np.int32,
    "first": np.int64,
    "last": np.int64,
}


class RowTable:
    """Columns over all positions of a generation.

    They only grow, but for `last`, which is set once when a chunk is replaced. A reader holds views of the
    first n positions: those appended behind them, and ends set to commits after the one it has pinned, change
    nothing that it sees.
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
        known = int(self.rows[-1]) if self.n else -1
        ended = connection.execute(
            "SELECT row, to_commit FROM chunks "
            "WHERE to_commit > ? AND to_commit < 4611686018427387904 AND row <= ?",
            (seen, known),
        ).fetchall()
        (last,) = connection.execute("SELECT max(row) FROM chunks").fetchone()
        try:
            for first in range(known + 1, known + 1 if last is None else last + 1, _BLOCK_ROWS):
                self._append(connection, first)
            for row, commit in ended:
                (position,) = self.positions([row])
                self._data["last"][position] = commit
            # Within a generation codes are only added. Replaced as a whole, as others may be looking.
            newest = max(self.tenant_codes.values(), default=-1)
            new_tenants = connection.execute(
                "SELECT name, code FROM tenants WHERE code > ?", (newest,)
            ).fetchall()
            if new_tenants:
                self.tenant_codes = {**self.tenant_codes, **dict(new_tenants)}
            newest = max(self.acl_sets, default=-1)
            new_sets = connection.execute(
                "SELECT code, groups FROM acls WHERE code > ?", (newest,)
            ).fetchall()
            if new_sets:
                fresh = {code: frozenset(json.loads(groups)) for code, groups in new_sets}
                self.acl_sets = {**self.acl_sets, **fresh}
        except (ValueError, TypeError, IndexError) as e:
            raise CorruptIndexError(
                f"the manifest's rows are damaged ({e}). ragkit verify shows all that is; restore the folder "
                "from a copy, or ingest again into a new folder"
            ) from e

    def _append(self, connection: sqlite3.Connection, first: int) -> None:
        # Joined by SQLite: a tuple for each row, and an object for each of its numbers, take twice the time.
        ids, *numbers = connection.execute(
            "SELECT group_concat(hex(id), ''), group_concat(row), group_concat(tenant), group_concat(acl), "
            "group_concat(from_commit), group_concat(to_commit) FROM "
            "(SELECT * FROM chunks WHERE row >= ? AND row < ? ORDER BY row)",
            (first, first + _BLOCK_ROWS),
        ).fetchone()
        if ids is None:
            return
        columns = [np.fromstring(text, dtype=np.int64, sep=",") for text in numbers]
        columns.insert(1, np.frombuffer(ids.lower().encode(), dtype=f"S{ID_BYTES}"))
        n = self.n + len(columns[0])
        if any(len(column) != len(columns[0]) for column in columns):
            raise ValueError(f"of {len(columns[0])} rows")
        for (name, old), new in zip(list(self._data.items()), columns, strict=True):
            if len(old) < n:
                grown = np.empty(max(n, 2 * len(old)), dtype=old.dtype)
                grown[: self.n] = old[: self.n]
                self._data[name] = old = grown
            old[self.n : n] = new
        self.n = n

    @property
    def ids(self) -> Ids:
        """The chunk id at each position."""
        # `n` first: a column that has grown meanwhile is longer, not shorter.
        n = self.n
        return self._data["ids"][:n]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row at each position, ascending."""
        n = self.n
        return self._data["rows"][:n]

    def positions(self, rows: Sequence[int]) -> list[int | None]:
        """The position of each row; None for one that is not there."""
        known = self.rows
        found = np.searchsorted(known, rows)
        return [
            int(at) if at < len(known) and known[at] == row else None
            for at, row in zip(found, rows, strict=True)
        ]

    def live(self, commit: int, tenant: str | None, n: int) -> Mask:
        """Which of the first `n` positions stand at a commit, of one tenant (of all, if None)."""
        mask = np.asarray((self._data["first"][:n] <= commit) & (self._data["last"][:n] > commit))
        if tenant is not None:
            mask &= self._data["tenants"][:n] == self.tenant_codes.get(tenant, -1)
        return mask

    def readable(self, acl: tuple[str, ...], n: int) -> Mask:
        """Where the chunk's groups and the reader's have one in common; without groups it is for nobody."""
        groups = frozenset(acl)
        table = np.zeros(max(self.acl_sets, default=-1) + 1, dtype=bool)
        for code, allowed in self.acl_sets.items():
            table[code] = not groups.isdisjoint(allowed)
        return np.asarray(table[self._data["acls"][:n]])
