"""The two indexes: their fields, and points as documents."""

from __future__ import annotations

from typing import Any

from ragkit.store.remote.head import OPEN
from ragkit.store.remote.points import term_weights
from ragkit.store.remote.server import Point
from ragkit.store.remote.words import point_id
from ragkit_connectors.opensearch.query import SPACES, named_weights, place_of
from ragkit_connectors.opensearch.settings import OpenSearchSettings

MADE_BY = "ragkit"
DENSE = "dense"
CANARY = point_id("canary")  # a document of a tenant that nobody is: who sees it sees everybody's
_CANARY_TENANT = "\x1fcanary"  # no tenant has control characters in its name
_KEYWORD: dict[str, Any] = {"type": "keyword", "doc_values": False}
_SORTED: dict[str, Any] = {"type": "keyword"}
_KEPT: dict[str, Any] = {"type": "keyword", "index": False, "doc_values": False}
_NUMBER: dict[str, Any] = {"type": "long", "index": False, "doc_values": False}
_RANGE: dict[str, Any] = {"type": "long"}


def chunks_body(
    settings: OpenSearchSettings, dimension: int, *, derives_vectors: bool = False
) -> dict[str, Any]:
    """What the index of the chunks is made with.

    Args:
        settings: of the store.
        dimension: length of a vector.
        derives_vectors: whether the server would leave vectors out of documents unless it is told: it puts
            them together again from other files, and what is changed in part or merged meanwhile may suffer.
    """
    fields: dict[str, Any] = {
        **dict.fromkeys(("doc", "id", "tenant", "acl", "terms", "k", "r", "kind"), _KEYWORD),
        **dict.fromkeys(("name", "text", "shape", "reading"), _KEPT),
        **dict.fromkeys(("crc", "n", "counts"), _NUMBER),
        "weights": {"type": "rank_features"},
        DENSE: vector_field(settings, dimension),
    }
    knn: dict[str, Any] = {} if settings.engine == "exact" else {"knn": True}
    if knn and derives_vectors:
        knn["knn.derived_source.enabled"] = False
    return _body(settings.shards, settings, fields, knn)


def records_body(settings: OpenSearchSettings) -> dict[str, Any]:
    """What the index of everything else is made with."""
    fields = {
        **dict.fromkeys(("kind", "key", "tenant", "uri", "state", "holder"), _KEYWORD),
        **dict.fromkeys(("record", "spec", "owner", "made_by"), _KEPT),
        **dict.fromkeys(("ends_ms", "commit"), _RANGE),
        **dict.fromkeys(
            (
                "documents", "chunks", "terms", "format", "number", "kept_from", "generation", "intent",
                "burnt", "expires_ms",
            ),
            _NUMBER,
        ),
        "to_erase": {"type": "boolean"},
    }  # fmt: skip
    return _body(1, settings, fields, {})


def vector_field(settings: OpenSearchSettings, dimension: int) -> dict[str, Any]:
    """The field of the vectors. They have unit length, so the inner product is the cosine."""
    field: dict[str, Any] = {"type": "knn_vector", "dimension": dimension}
    if settings.engine == "exact":
        return field
    method = {
        "name": "hnsw",
        "engine": settings.engine,
        "space_type": SPACES[settings.engine],
        "parameters": {"m": settings.m, "ef_construction": settings.ef_construction},
    }
    return {**field, "method": method}


def document_of(point: Point) -> dict[str, Any]:
    """A point as it is written."""
    payload = {**point.payload, "pid": point.id}
    if point.vector is None:
        return payload
    weights = named_weights(term_weights(point.payload))
    payload["r"] = [place_of(place["n"], place["v"]) for place in point.payload["r"]]
    payload[DENSE] = point.vector.tolist()
    return {**payload, "weights": weights} if weights else payload


def canary() -> dict[str, Any]:
    """A document that no commit shows."""
    return {"pid": CANARY, "kind": "canary", "tenant": _CANARY_TENANT, "from": OPEN, "to": OPEN}


def _body(
    shards: int, settings: OpenSearchSettings, fields: dict[str, Any], more: dict[str, Any]
) -> dict[str, Any]:
    always = {"pid": _SORTED, "from": _RANGE, "to": _RANGE}
    return {
        "settings": {
            "index": {"number_of_shards": shards, "number_of_replicas": settings.replicas, **more},
        },
        "mappings": {
            "dynamic": "strict",
            "_meta": {"made_by": MADE_BY},
            "properties": {**fields, **always},
        },
    }
