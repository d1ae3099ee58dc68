"""Chunks as rows of a table, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.protocols import Vectors
from ragkit.store.remote.server import Found, Point
from ragkit_connectors.lancedb.filters import SLOTS, column_of, slot_of

if TYPE_CHECKING:
    import pyarrow as pa

VECTOR, POINT, ROW = "vector", "pid", "row"
_KEYS = (
    "id", "doc", "name", "tenant", "acl", "from", "to", "text", "shape", "crc", "n", "terms", "counts", "k",
    "reading",
)  # fmt: skip
_BOUNDS = tuple(f"{side}{slot:02d}" for slot in range(SLOTS) for side in ("lo", "hi"))


def schema_of(dimension: int) -> pa.Schema:
    """The columns of a table for vectors of a length."""
    import pyarrow as pa

    text, whole, texts = pa.string(), pa.int64(), pa.list_(pa.string())
    kinds = {
        "acl": texts, "terms": texts, "k": texts, "counts": pa.list_(pa.int32()), "from": whole, "to": whole,
        "crc": whole, "n": pa.int32(),
    }  # fmt: skip
    return pa.schema(
        [
            (POINT, text),
            *((column_of(key), kinds.get(key, text)) for key in _KEYS),
            (ROW, whole),
            *((name, pa.float64()) for name in _BOUNDS),
            (VECTOR, pa.list_(pa.float32(), dimension)),
        ]
    )


def table_of(points: Sequence[Point], dimension: int, rows: Sequence[int]) -> pa.Table:
    """Rows for chunks as they are written; each has a number of its own for good."""
    import pyarrow as pa

    schema = schema_of(dimension)
    columns: dict[str, Any] = {POINT: [point.id for point in points]}
    for key in _KEYS:
        columns[column_of(key)] = [point.payload.get(key) for point in points]
    columns[ROW] = list(rows)
    bounds = [_bounds_of(point.payload["r"]) for point in points]
    for name in _BOUNDS:
        columns[name] = [held.get(name) for held in bounds]
    vectors = np.stack([_given(point) for point in points]).astype(np.float32, copy=False)
    columns[VECTOR] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dimension)
    return pa.table(columns, schema=schema)


def found_in(batch: pa.RecordBatch | pa.Table, keys: Sequence[str], *, vectors: bool) -> Iterator[Found]:
    """What rows say under some keys. A batch of search results has similarities as scores."""
    values = {key: batch.column(column_of(key)).to_pylist() for key in keys}
    rows = vectors_in(batch) if vectors else None
    scores = similarities_in(batch)
    for i in range(batch.num_rows):
        read = None if rows is None or rows[i] is None else partial(np.array, rows[i])
        payload = {key: column[i] for key, column in values.items()}
        yield Found(payload, read_vector=read, score=0.0 if scores is None else scores[i])


def vectors_in(batch: pa.RecordBatch | pa.Table) -> list[Vectors | None]:
    """The vector of each row; None where it is lost."""
    column = batch.column(VECTOR)
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    if column.null_count:
        return [None if row is None else np.array(row, dtype=np.float32) for row in column.to_pylist()]
    width = column.type.list_size
    return list(column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width))


def similarities_in(batch: pa.RecordBatch | pa.Table) -> list[float] | None:
    """The similarity of each row to a query, as the engine found it: 1 - distance. None for a plain scan."""
    if "_distance" not in batch.schema.names:
        return None
    return [1.0 - distance for distance in batch.column("_distance").to_pylist()]


def _given(point: Point) -> Vectors:
    assert point.vector is not None, "a chunk is written with its vector"
    return point.vector


def _bounds_of(ranges: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The least and the greatest value of each group of fields."""
    held: dict[str, float] = {}
    for entry in ranges:
        slot, value = slot_of(entry["n"]), float(entry["v"])
        held[f"lo{slot}"] = min(value, held.get(f"lo{slot}", value))
        held[f"hi{slot}"] = max(value, held.get(f"hi{slot}", value))
    return held
