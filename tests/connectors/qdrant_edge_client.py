"""Qdrant's own engine behind the calls of `qdrant_client` that the store makes; see `qdrant_rest`.

The engine (package qdrant-edge-py) is what a server's shard is made of: filters, payload indexes and searches
are the server's. Network, authentication and replication are not there.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import qdrant_edge as edge
from qdrant_client import models

_DISTANCES = {"Dot": edge.Distance.Dot, "Cosine": edge.Distance.Cosine}
_SCHEMAS = {
    models.PayloadSchemaType.KEYWORD: edge.PayloadSchemaType.Keyword,
    models.PayloadSchemaType.INTEGER: edge.PayloadSchemaType.Integer,
    models.PayloadSchemaType.FLOAT: edge.PayloadSchemaType.Float,
}


class EdgeClient:
    """Collections, each a shard of the engine in a folder of its own."""

    def __init__(self) -> None:
        # The engine waits for a disk often; in memory it need not.
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="qdrant-edge-", dir=memory if memory.is_dir() else None))
        self.shards: dict[str, edge.EdgeShard] = {}
        self.folders: dict[str, Path] = {}
        self.params: dict[str, Any] = {}

    def info(self) -> Any:
        return SimpleNamespace(version="1.99.0")

    def collection_exists(self, collection_name: str) -> bool:
        return collection_name in self.shards

    def create_collection(
        self, collection_name: str, vectors_config: dict[str, Any], sparse_vectors_config: Any
    ) -> None:
        vectors = {
            name: edge.EdgeVectorParams(size=params.size, distance=_DISTANCES[params.distance.value])
            for name, params in vectors_config.items()
        }
        sparse = {name: edge.EdgeSparseVectorParams() for name in sparse_vectors_config or {}}
        path = self.folder / uuid.uuid4().hex
        path.mkdir()
        self.folders[collection_name] = path
        config = edge.EdgeConfig(vectors=vectors, sparse_vectors=sparse)
        self.shards[collection_name] = edge.EdgeShard.create(str(path), config)
        self.params[collection_name] = SimpleNamespace(
            vectors=vectors_config, sparse_vectors=sparse_vectors_config
        )

    def delete_collection(self, collection_name: str) -> bool:
        shard = self.shards.pop(collection_name, None)
        if shard is not None:
            shard.close()
            shutil.rmtree(self.folders.pop(collection_name))
        return shard is not None

    def get_collection(self, collection_name: str) -> Any:
        return SimpleNamespace(config=SimpleNamespace(params=self.params[collection_name]))

    def create_payload_index(
        self, collection_name: str, field_name: str, field_schema: Any, wait: bool
    ) -> None:
        schema = (
            edge.KeywordIndexParams(is_tenant=True)
            if isinstance(field_schema, models.KeywordIndexParams)
            else _SCHEMAS[field_schema]
        )
        self._update(collection_name, edge.UpdateOperation.create_field_index(field_name, schema))

    def upsert(self, collection_name: str, points: list[Any], wait: bool) -> None:
        made = [edge.Point(p.id, _vectors(p.vector), p.payload) for p in points]
        self._update(collection_name, edge.UpdateOperation.upsert_points(made))

    def set_payload(
        self, collection_name: str, payload: dict[str, Any], points: Any, wait: bool, ordering: Any
    ) -> None:
        change = edge.UpdateOperation.set_payload_by_filter(_filter(points), payload)
        self._update(collection_name, change)

    def delete(self, collection_name: str, points_selector: Any, wait: bool) -> None:
        if isinstance(points_selector, models.PointIdsList):
            self._update(collection_name, edge.UpdateOperation.delete_points(list(points_selector.points)))
            return
        wanted = _filter(points_selector.filter)
        self._update(collection_name, edge.UpdateOperation.delete_points_by_filter(wanted))

    def retrieve(
        self, collection_name: str, ids: list[Any], with_payload: Any, with_vectors: Any
    ) -> list[Any]:
        return list(self.shards[collection_name].retrieve(ids, with_payload, with_vectors))

    def count(self, collection_name: str, exact: bool, count_filter: Any = None) -> Any:
        request = edge.CountRequest(exact=exact, filter=_filter(count_filter))
        return SimpleNamespace(count=self.shards[collection_name].count(request))

    def scroll(
        self, collection_name: str, scroll_filter: Any, limit: int, offset: Any, with_payload: Any,
        with_vectors: Any,
    ) -> tuple[list[Any], Any]:  # fmt: skip
        request = edge.ScrollRequest(
            offset=offset,
            limit=limit,
            filter=_filter(scroll_filter),
            with_payload=with_payload,
            with_vector=with_vectors,
        )
        return self.shards[collection_name].scroll(request)

    def query_points(
        self, collection_name: str, query: Any, using: str, query_filter: Any, limit: int,
        with_payload: Any, with_vectors: Any = False, search_params: Any = None,
    ) -> Any:  # fmt: skip
        request = edge.QueryRequest(
            limit=limit,
            query=edge.Query.Nearest(_asked(query), using=using),
            filter=_filter(query_filter),
            with_payload=with_payload,
            with_vector=with_vectors,
            params=_params(search_params),
        )
        return SimpleNamespace(points=self.shards[collection_name].query(request))

    def query_batch_points(self, collection_name: str, requests: list[Any]) -> list[Any]:
        """Several questions as one request."""
        queries = [
            edge.QueryRequest(
                limit=request.limit,
                query=edge.Query.Nearest(_asked(request.query), using=request.using),
                filter=_filter(request.filter),
                with_payload=request.with_payload,
                with_vector=request.with_vector or False,
                params=_params(request.params),
            )
            for request in requests
        ]
        found = self.shards[collection_name].query_batch(edge.QueryBatchRequest(queries))
        return [SimpleNamespace(points=points) for points in found]

    def close(self) -> None:
        for shard in self.shards.values():
            shard.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _update(self, collection_name: str, change: Any) -> None:
        self.shards[collection_name].update(change)


def _vectors(vectors: dict[str, Any]) -> dict[str, Any]:
    return {
        name: edge.SparseVector(v.indices, v.values) if isinstance(v, models.SparseVector) else v
        for name, v in vectors.items()
    }


def _asked(query: Any) -> Any:
    nearest = query.nearest if isinstance(query, models.NearestQuery) else query
    return _vectors({"": nearest})[""]


def _params(wanted: Any) -> Any:
    return wanted and edge.SearchParams(hnsw_ef=wanted.hnsw_ef, exact=bool(wanted.exact))


def _filter(wanted: Any) -> Any:
    """A filter of the client as the engine's."""
    if wanted is None:
        return None
    parts: dict[str, Any] = {
        name: None if (part := getattr(wanted, name)) is None else [_condition(c) for c in part]
        for name in ("must", "should", "must_not")
    }
    return edge.Filter(**parts)


def _condition(condition: Any) -> Any:
    match condition:
        case models.Filter():
            return _filter(condition)
        case models.HasIdCondition():
            return edge.HasIdCondition(set(condition.has_id))
        case models.NestedCondition():
            return edge.NestedCondition(condition.nested.key, _filter(condition.nested.filter))
        case models.FieldCondition(match=models.MatchValue() as match):
            return edge.FieldCondition(condition.key, match=edge.MatchValue(match.value))
        case models.FieldCondition(match=models.MatchAny() as match):
            return edge.FieldCondition(condition.key, match=edge.MatchAny(match.any))
        case models.FieldCondition(range=models.Range() as limits):
            given = {name: getattr(limits, name) for name in ("gt", "gte", "lt", "lte")}
            return edge.FieldCondition(condition.key, range=edge.RangeFloat(**given))
    raise AssertionError(f"{condition!r} is nothing that the store asks")
