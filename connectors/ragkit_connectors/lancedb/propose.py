"""Which chunks may score best for words: rare words first, until no chunk with common ones alone can matter.

LanceDB's own text search is not asked: it has another analyzer, and statistics of its own over all tenants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.store.remote.points import COUNTED, K1, LENGTH, B
from ragkit.store.remote.server import Found
from ragkit_connectors.lancedb.rows import POINT, found_in

if TYPE_CHECKING:
    import pyarrow as pa

Ask = Callable[[Sequence[str]], "pa.Table"]
_AT_FIRST = 2  # words of the first question; each further one has twice as many


def proposed(weights: Mapping[str, float], limit: int, ask: Ask) -> list[Found]:
    """The `limit` chunks whose words add up to most, greatest first; a word adds less than its weight.

    Args:
        weights: of each word of a query.
        limit: how many are wanted.
        ask: gives the rows that hold one of some words.
    """
    words = sorted(weights, key=lambda word: (-weights[word], word))
    left = sum(weights.values())
    tables: list[pa.Table] = []
    first, n = 0, _AT_FIRST
    while first < len(words):
        some = words[first : first + n]
        tables.append(ask(some))
        left -= sum(weights[word] for word in some)
        first, n = first + n, 2 * n
        rows, sums = _summed(tables, weights)
        # What holds none of these words adds up to less than what is left.
        if rows.num_rows >= limit and _nth(sums, limit) > left:
            break
    order = np.argsort(-sums, kind="stable")[:limit]
    found = list(found_in(rows.take(order), COUNTED, vectors=False))
    return [Found(hit.payload, score=float(sums[i])) for hit, i in zip(found, order, strict=True)]


def _nth(sums: NDArray[np.float64], n: int) -> float:
    return float(np.partition(sums, len(sums) - n)[len(sums) - n])


def _summed(tables: list[pa.Table], weights: Mapping[str, float]) -> tuple[pa.Table, NDArray[np.float64]]:
    """The rows, each once, and what the words of each add up to."""
    import pyarrow as pa
    import pyarrow.compute as pc

    joined = pa.concat_tables(tables).combine_chunks()
    tables[:] = [joined]
    if joined.num_rows == 0:
        return joined, np.zeros(0)
    names = joined.column(POINT).to_numpy()
    _, once = np.unique(names.astype(str), return_index=True)
    if len(once) < joined.num_rows:
        joined = joined.take(np.sort(once))
        tables[:] = [joined]
    terms = joined.column("terms").combine_chunks()
    wanted = list(weights)
    place = pc.index_in(terms.flatten(), value_set=pa.array(wanted, pa.string()))
    is_ours = place.is_valid().to_numpy(zero_copy_only=False)
    parents = pc.list_parent_indices(terms).to_numpy()[is_ours]
    counts = joined.column("counts").combine_chunks().flatten().to_numpy()[is_ours]
    lengths = joined.column("n").to_numpy()[parents]
    each = np.array([weights[word] for word in wanted])[place.drop_null().to_numpy()]
    parts = each * (counts / (counts + K1 * (1 - B + B * lengths / LENGTH)))
    sums: NDArray[np.float64] = np.bincount(parents, weights=parts, minlength=joined.num_rows)  # type: ignore[assignment]
    return joined, sums
