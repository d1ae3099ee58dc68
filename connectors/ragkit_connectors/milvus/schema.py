"""The collections of an index: their columns, and what finds rows by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.store.remote.server import CHUNKS, Place
from ragkit_connectors.milvus.expressions import LISTS
from ragkit_connectors.milvus.rows import DENSE, MOST_IN_LIST, MOST_SLICES, SAID, SLICE, TERMS, bodies_of
from ragkit_connectors.milvus.settings import MilvusSettings

if TYPE_CHECKING:
    from pymilvus import CollectionSchema

_CODE = 22
_PK = 36


def schema_of(place: Place, dimension: int) -> CollectionSchema:
    """The columns of a place. None is ever null."""
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("pk", DataType.VARCHAR, is_primary=True, max_length=_PK)
    for name in SAID[place]:
        # A tenant's chunks lie in one partition, so that a question reads no other.
        is_key = place == CHUNKS and name == "tenant"
        schema.add_field(name, DataType.VARCHAR, max_length=_CODE, is_partition_key=is_key)
    for name in ("from_commit", "to_commit"):
        schema.add_field(name, DataType.INT64)
    for name in bodies_of(place):
        _add_list(schema, name, MOST_SLICES, 4 * SLICE)
    schema.add_field(DENSE, DataType.FLOAT_VECTOR, dim=dimension if place == CHUNKS else 2)
    if place == CHUNKS:
        for name in sorted(LISTS):
            _add_list(schema, name, MOST_IN_LIST, _CODE)
        schema.add_field("r", DataType.JSON)
        schema.add_field(TERMS, DataType.SPARSE_FLOAT_VECTOR)
    else:
        schema.add_field("ends_ms", DataType.INT64)
    return schema


def token_schema() -> CollectionSchema:
    """The columns of a collection that stays empty."""
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("pk", DataType.VARCHAR, is_primary=True, max_length=_PK)
    schema.add_field(DENSE, DataType.FLOAT_VECTOR, dim=2)
    return schema


def indexes_of(place: Place, settings: MilvusSettings, *, is_lite: bool) -> Any:
    """What finds rows. Milvus Lite reads all of them for an expression anyway."""
    from pymilvus import MilvusClient

    indexes = MilvusClient.prepare_index_params()
    graph = {"M": settings.m, "efConstruction": settings.ef_construction}
    is_graph = place == CHUNKS and settings.index == "hnsw"
    # Vectors have unit length, so the inner product is the cosine, and they come back as they were written.
    indexes.add_index(
        DENSE, index_type="HNSW" if is_graph else "FLAT", metric_type="IP", params=graph if is_graph else {}
    )
    if place == CHUNKS:
        indexes.add_index(TERMS, index_type="SPARSE_INVERTED_INDEX", metric_type="IP", params={})
    if not is_lite:
        lists = sorted(LISTS) if place == CHUNKS else []
        for name in (*SAID[place], "from_commit", "to_commit", *lists):
            indexes.add_index(name, index_type="INVERTED")
    return indexes


def _add_list(schema: CollectionSchema, name: str, most: int, length: int) -> None:
    from pymilvus import DataType

    schema.add_field(
        name, DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=most, max_length=length
    )
