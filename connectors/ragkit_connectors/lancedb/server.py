"""A folder of LanceDB as a place for an index: what `RemoteServer` asks, in calls of the engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ragkit.failpoints import reach
from ragkit.protocols import Vectors
from ragkit.store.files import size_of
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.points import JUDGED
from ragkit.store.remote.server import CHUNKS, RECORDS, Found, Place, Point
from ragkit_connectors.lancedb import indexes
from ragkit_connectors.lancedb.filters import as_sql, column_of, quoted
from ragkit_connectors.lancedb.records import FILE, GENERATION, Records
from ragkit_connectors.lancedb.rows import POINT, ROW, VECTOR, found_in, schema_of, table_of
from ragkit_connectors.lancedb.settings import LanceSettings
from ragkit_connectors.lancedb.snapshot import Snapshots
from ragkit_connectors.lancedb.table import ChunkTable, generation_of
from ragkit_connectors.lancedb.words import Words

if TYPE_CHECKING:
    import pyarrow as pa

DELETED = "deleted"  # the mark that says whether bytes of what was deleted are left
_MOST_WAITING = 8_192  # chunks that are written together
# Each write leaves a file of rows and a version, which slow down what is read. To join them costs the time to
# write all rows, so it is done once they have grown by a part, or are very many.
_WRITES, _MOST_WRITES, _PART = 16, 256, 0.25


class LanceServer:
    """The calls that hold an index."""

    restore = "Restore the folder from a copy"

    def __init__(self, settings: LanceSettings) -> None:
        self.settings = settings
        self.folder = Path(str(settings.path)).absolute()
        self.where = where_of(settings)
        self.lease_s = settings.lease_s
        self.records = Records(self.folder / FILE, self.where)
        self.table = ChunkTable(self.folder, self.where, lambda: self.records.mark(GENERATION))
        self.words = Words(self.folder, self.where, self.records, self.table)
        self.snapshots = Snapshots(self.records, self.table, self.words.files)
        self.dimension = 0  # is known once the index is
        self._waiting: list[Point] = []
        self._guard = threading.RLock()
        self._n_writes = self._n_rows = 0
        self._has_written = False

    # --- the record of commits --------------------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """The record of commits as it is now."""
        return self.records.head()

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Sets keys of it under a condition, in one transaction."""
        self.records.change_head(values, expected)

    # --- writing ----------------------------------------------------------------------------------

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Writes points. Chunks wait for others, until anything else is asked of the table."""
        if place == RECORDS:
            self._flush()
            self.records.write(points)
            return
        if replace:
            self._flush()
            self.table.change(lambda table: _replaced(table, points, self.dimension))
            self._has_written = True
            return
        with self._guard:
            self._waiting += points
            if len(self._waiting) >= _MOST_WAITING:
                self._flush()

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Sets the end of all points for which a condition holds: nothing else is ever changed."""
        assert set(values) == {"to"}
        if condition is False:
            return
        if place == RECORDS:
            self.records.set_end(values["to"], condition)
            return
        # A change of nothing would make a version of the table all the same.
        if self.count(CHUNKS, condition):
            end = {column_of("to"): int(values["to"])}
            self.table.change(lambda table: table.update(end, where=as_sql(condition)))
            self._has_written = True
            self._n_writes += 1

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes all points for which a condition holds, and marks that their bytes are still there."""
        if condition is False:
            return
        if place == RECORDS:
            self.records.delete(condition)
        elif self.count(CHUNKS, condition):
            self.records.set_marks(**{DELETED: 1})
            self.table.change(lambda table: table.delete(as_sql(condition)))
            self._has_written = True

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes records by their ids; chunks are not removed like this."""
        assert place == RECORDS
        if ids:
            self.records.remove(ids)

    def settle(self) -> None:
        """Writes what waits, and returns when all that this process wrote is on disk.

        What is to be erased leaves the files here, before anybody says that it is gone.
        """
        self._flush()
        if not self._has_written:
            return
        if self.has_deleted and (self.head() or {}).get("to_erase"):
            self.write_anew()
        elif self._is_untidy():
            self.table.tidy()
            self._n_writes = self._n_rows = 0
        self.words.tidy()
        self.table.settle_on_disk()
        self._has_written = False

    def _flush(self) -> None:
        if not self._waiting:
            return  # and readers do not wait for a writer
        with self._guard:
            if not self._waiting:
                return
            points, self._waiting = self._waiting, []
            self._has_written = True

            def add(table: Any) -> Any:
                # While the table is locked: numbers come in the order in which chunks do.
                first = self.records.reserve(len(points))
                return table.add(table_of(points, self.dimension, range(first, first + len(points))))

            self.table.change(add)
            self._n_writes += 1
            self._n_rows += len(points)

    def _is_untidy(self) -> bool:
        if self._n_writes < _WRITES:
            return False
        return self._n_writes >= _MOST_WRITES or self._n_rows >= _PART * self.count(CHUNKS, True)

    # --- upkeep -----------------------------------------------------------------------------------

    @property
    def has_deleted(self) -> bool:
        """Whether bytes of what was deleted are left."""
        return bool(self.records.mark(DELETED))

    def make(self) -> None:
        """Makes an empty table."""
        self.table.make(self.records.mark(GENERATION), schema_of(self.dimension))
        self.table.settle_on_disk()

    def write_anew(self) -> None:
        """Copies what stands to new files and removes the old ones: no byte of what was deleted is left."""
        self._flush()
        with self.table.locked():
            old = self.records.mark(GENERATION)
            new = old + 1
            kinds = self.table.read(indexes.names_of)
            copied = self.table.copy(new, schema_of(self.dimension))
            reach("compact.vectors")
            name = self.words.anew(copied, new)
            self.table.settle_on_disk()
            name()
            reach("compact.named")
            self.table.drop_others(new)
            self.words.clean()
            reach("compact.cleaned")
            self.records.vacuum()
            reach("compact.vacuumed")
            self.records.set_marks(**{DELETED: 0})
        if kinds:
            self.build()

    def build(self) -> None:
        """Joins small files, and makes the indexes that settings and size ask for."""
        self.table.tidy()
        self.table.change(lambda table: indexes.build(table, self.settings))
        self.words.extend()
        self.table.settle_on_disk()
        self._n_writes = self._n_rows = 0

    # --- reading ----------------------------------------------------------------------------------

    def count(self, place: Place, condition: Condition) -> int:
        """For how many points a condition holds."""
        if condition is False:
            return 0
        if place == RECORDS:
            return self.records.count(condition)
        self._flush()
        return int(self.table.read(lambda table: table.count_rows(as_sql(condition))))

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """Several at once."""
        if place == RECORDS:
            return [self.count(place, condition) for condition in conditions]
        self._flush()

        async def ask(table: Any) -> list[int]:
            return await asyncio.gather(*(_counted(table, condition) for condition in conditions))

        return self.table.read(ask)

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All points for which a condition holds."""
        if condition is False:
            return
        if place == RECORDS:
            yield from self.records.scroll(condition, keys)
            return
        self._flush()
        columns = [column_of(key) for key in keys] + [VECTOR] * vectors
        rows = self.table.read(lambda table: _scanned(table, condition, columns))
        for batch in rows.to_batches(max_chunksize=1024):
            yield from found_in(batch, keys, vectors=vectors)

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """By comparing with all, or by the vector index, one call for each vector."""
        self._flush()
        return [self._nearest(condition, vector, limit, is_exact=is_exact) for vector in vectors]

    def _nearest(self, condition: Condition, vector: Vectors, limit: int, *, is_exact: bool) -> list[Found]:
        async def ask(table: Any) -> pa.Table:
            n_rows = 0
            if limit > _MOST_WAITING or not is_exact:
                n_rows = await table.count_rows()
            most = min(limit, max(1, n_rows)) if limit > _MOST_WAITING else limit
            query = table.query().nearest_to(vector).column(VECTOR).distance_type("dot").limit(most)
            query = query.select([*map(column_of, JUDGED), VECTOR, "_distance"])
            if condition is not True:
                query = query.where(as_sql(condition))  # before, not after: a prefilter
            searching = indexes.searching(query, n_rows, self.settings, limit, is_exact=is_exact)
            return await searching.to_arrow()

        return list(found_in(self.table.read(ask), JUDGED, vectors=True))

    def numbers(self, condition: Condition) -> tuple[int, NDArray[np.int64]]:
        """The numbers of all chunks for which a condition holds, and of which generation they are."""
        if condition is False:
            return self.records.mark(GENERATION), np.zeros(0, dtype=np.int64)
        self._flush()

        async def ask(table: Any) -> tuple[int, NDArray[np.int64]]:
            rows = await _scanned(table, condition, [ROW])
            return generation_of(table.name), rows.column(ROW).to_numpy()

        return self.table.read(ask)

    def judged(self, numbers: Sequence[int]) -> tuple[int, dict[int, dict[str, Any]]]:
        """What is needed to tell whether a scope shows the chunks with some numbers; and the generation."""

        async def ask(table: Any) -> tuple[int, dict[int, dict[str, Any]]]:
            query = table.query().select([ROW, *map(column_of, JUDGED)])
            rows = await query.where(f"{ROW} IN ({', '.join(map(str, numbers))})").to_arrow()
            payloads = (hit.payload for hit in found_in(rows, JUDGED, vectors=False))
            held = zip(rows.column(ROW).to_pylist(), payloads, strict=True)
            return generation_of(table.name), dict(held)

        return self.table.read(ask)

    def n_bytes(self) -> int:
        """Of all files in the folder."""
        return size_of(self.folder)

    def close(self) -> None:
        """Closes the files."""
        self.records.close()
        self.table.close()


def where_of(settings: LanceSettings) -> str:
    """Which index is meant, for people."""
    return f"lancedb {settings.path}"


async def _replaced(table: Any, points: Sequence[Point], dimension: int) -> None:
    """Writes points that are there again, which keep their numbers."""
    names = ", ".join(quoted(point.id) for point in points)
    there = await table.query().select([POINT, ROW]).where(f"{POINT} IN ({names})").to_arrow()
    numbers = dict(zip(there.column(POINT).to_pylist(), there.column(ROW).to_pylist(), strict=True))
    held = [point for point in points if point.id in numbers]
    rows = table_of(held, dimension, [numbers[point.id] for point in held])
    await table.merge_insert(POINT).when_matched_update_all().execute(rows)


async def _counted(table: Any, condition: Condition) -> int:
    return 0 if condition is False else int(await table.count_rows(as_sql(condition)))


async def _scanned(table: Any, condition: Condition, columns: Sequence[str]) -> pa.Table:
    query = table.query().select(list(columns))
    if condition is not True:
        query = query.where(as_sql(condition))
    return await query.to_arrow()
