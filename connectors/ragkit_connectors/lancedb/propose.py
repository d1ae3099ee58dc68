"""Which chunks may score best for words: rare words first, until no chunk with common ones alone can matter.

LanceDB's own text search is not asked: it has another analyzer, and statistics of its own over all tenants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ragkit.store.remote.conditions import Condition, all_of, is_among
from ragkit.store.remote.points import COUNTED, K1, LENGTH, B
from ragkit.store.remote.server import Found
from ragkit_connectors.lancedb.errors import ChangedError
from ragkit_connectors.lancedb.filters import as_sql, column_of
from ragkit_connectors.lancedb.rows import HASHES, POINT, found_in, hash_of

if TYPE_CHECKING:
    import pyarrow as pa

_AT_FIRST = 2  # words of the first question; each further one has twice as many
_SUMMED = ("n", HASHES, "counts")  # what is read of every chunk that holds one of the words


async def proposed(table: Any, condition: Condition, weights: Mapping[str, float], limit: int) -> list[Found]:
    """The `limit` chunks whose words add up to most, greatest first; a word adds less than its weight.

    Raises:
        ChangedError: the table was written anew in between.
    """
    words = sorted(weights, key=lambda word: (-weights[word], word))
    rows, sums = np.zeros(0, dtype=np.uint64), np.zeros(0)
    left, first, n = sum(weights.values()), 0, _AT_FIRST
    while first < len(words):
        some = words[first : first + n]
        wanted = as_sql(all_of([condition, is_among("terms", some)]))
        found = await table.query().select(list(_SUMMED)).with_row_id().where(wanted).to_arrow()
        rows, once = np.unique(np.append(rows, found.column("_rowid").to_numpy()), return_index=True)
        sums = np.append(sums, _sums_of(found, weights))[once]
        left -= sum(weights[word] for word in some)
        first, n = first + n, 2 * n
        # What holds none of these words adds up to less than what is left.
        if len(sums) >= limit and np.partition(sums, len(sums) - limit)[len(sums) - limit] > left:
            break
    best = np.argsort(-sums, kind="stable")[:limit]
    return await _read(table, rows[best], sums[best]) if len(best) else []


async def _read(table: Any, rows: NDArray[np.uint64], sums: NDArray[np.float64]) -> list[Found]:
    """The chunks of some rows, as they were when their words were summed."""
    columns = [POINT, *map(column_of, COUNTED)]
    taken = await table.take_row_ids(rows.tolist()).select(columns).with_row_id().to_arrow()
    there = {row: i for i, row in enumerate(taken.column("_rowid").to_pylist())}
    hits = list(found_in(taken, COUNTED, vectors=False))
    if len(hits) != len(rows) or any(row not in there for row in rows.tolist()):
        raise ChangedError("the table was written anew while it was asked for words. Try again")
    return [
        Found(hits[there[row]].payload, score=score)
        for row, score in zip(rows.tolist(), sums.tolist(), strict=True)
    ]


def _sums_of(found: pa.Table, weights: Mapping[str, float]) -> NDArray[np.float64]:
    """What the words of each row add up to."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if found.num_rows == 0:
        return np.zeros(0)
    numbers: dict[int, float] = defaultdict(float)
    for word, weight in weights.items():
        numbers[hash_of(word)] += weight
    hashes = found.column(HASHES).combine_chunks()
    place = pc.index_in(hashes.flatten(), value_set=pa.array(list(numbers), pa.int64()))
    is_ours = place.is_valid().to_numpy(zero_copy_only=False)
    parents = pc.list_parent_indices(hashes).to_numpy()[is_ours]
    counts = found.column("counts").combine_chunks().flatten().to_numpy()[is_ours]
    lengths = found.column("n").to_numpy()[parents]
    each = np.array(list(numbers.values()))[place.drop_null().to_numpy()]
    parts = each * (counts / (counts + K1 * (1 - B + B * lengths / LENGTH)))
    sums: NDArray[np.float64] = np.bincount(parents, weights=parts, minlength=found.num_rows)  # type: ignore[assignment]
    return sums
