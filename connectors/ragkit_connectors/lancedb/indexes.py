"""Indexes of the table: of columns, so that few rows are read, and of vectors where one is asked for."""

from __future__ import annotations

import math
from typing import Any

from ragkit_connectors.lancedb.rows import VECTOR
from ragkit_connectors.lancedb.settings import LanceSettings

FROM = 5_000  # rows; below, a scan takes no longer
_OF_COLUMNS = {
    "id": "BTREE", "doc": "BTREE", "row": "BTREE", "first": "BTREE", "last": "BTREE", "tenant": "BITMAP",
    "acl": "LABEL_LIST", "k": "LABEL_LIST",
}  # fmt: skip
_OF_VECTORS = {"ivf": "IvfFlat", "ivf-pq": "IvfPq", "hnsw": "IvfHnswSq"}
_NAME = "by_vector"


async def names_of(table: Any) -> list[str]:
    """The names of the indexes that a table has."""
    return [index.name for index in await table.list_indices()]


async def build(table: Any, settings: LanceSettings) -> None:
    """Makes the indexes that a table is large enough for, and lets go of one that is not asked for."""
    from lancedb.index import Bitmap, BTree, LabelList

    made = {"BTREE": BTree, "BITMAP": Bitmap, "LABEL_LIST": LabelList}
    there = {index.name: str(index.index_type) for index in await table.list_indices()}
    n_rows = await table.count_rows()
    if n_rows >= FROM:
        for column, kind in _OF_COLUMNS.items():
            if f"by_{column}" not in there:
                await table.create_index(column, config=made[kind](), name=f"by_{column}")
    wanted = None if n_rows <= max(settings.exact_below, 256) else _OF_VECTORS.get(settings.index)
    if _NAME in there and not _is_same(there[_NAME], wanted):
        await table.drop_index(_NAME)
    if wanted is not None and not _is_same(there.get(_NAME, ""), wanted):
        await table.create_index(VECTOR, config=_config(settings, n_rows), name=_NAME)


def searching(query: Any, n_rows: int, settings: LanceSettings, limit: int, *, is_exact: bool) -> Any:
    """A search by vector, told how to search."""
    if is_exact or settings.index == "none":
        return query.bypass_vector_index()
    n_partitions = _n_partitions(settings, n_rows)
    probes = settings.probes or max(1, math.ceil(n_partitions / 4))
    query = query.nprobes(min(probes, n_partitions)).refine_factor(settings.candidates)
    return (
        query.ef(max(settings.ef_search, limit * settings.candidates)) if settings.index == "hnsw" else query
    )


def _config(settings: LanceSettings, n_rows: int) -> Any:
    from lancedb.index import HnswSq, IvfFlat, IvfPq

    made: dict[str, Any] = {"ivf": IvfFlat, "ivf-pq": IvfPq, "hnsw": HnswSq}
    return made[settings.index](distance_type="dot", num_partitions=_n_partitions(settings, n_rows))


def _n_partitions(settings: LanceSettings, n_rows: int) -> int:
    if settings.index == "hnsw":
        return settings.partitions or 1
    return settings.partitions or max(1, math.isqrt(n_rows))


def _is_same(kind: str, wanted: str | None) -> bool:
    return wanted is not None and kind.replace("_", "").lower() == wanted.lower()
