"""The collections: their properties, and points as objects and back.

What is asked for is a property of tokens or a number, what comes back is JSON in properties that have no
index; so there is one form for texts of any kind, and no two forms of one text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ragkit.protocols import Vectors
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.points import term_weights
from ragkit.store.remote.server import CHUNKS, Found, Place, Point
from ragkit.store.remote.tokens import impact_tokens, place_tokens, token, tokens_of
from ragkit_connectors.weaviate.ends import NAMES, end_of
from ragkit_connectors.weaviate.settings import WeaviateSettings

MADE_BY = "ragkit 1"
# The property of each key that is asked for.
COLUMNS = {
    "from": "begun", "to0": "ended0", "to1": "ended1", "ends_ms": "endsMs", "commit": "commit",
    "place": "place", "id": "chunk",
    "doc": "document", "tenant": "owner", "acl": "groups", "terms": "words", "k": "facts", "kind": "kind",
    "key": "key", "uri": "uri", "state": "state", "holder": "holder",
}  # fmt: skip
_MANY = {"acl", "terms", "k"}
_NUMBERS: dict[Place, tuple[str, ...]] = {
    "chunks": ("from", *NAMES, "place"),
    "records": ("from", *NAMES, "ends_ms", "commit", "place"),
}
_TEXTS: dict[Place, tuple[str, ...]] = {
    "chunks": ("id", "doc", "tenant", "acl", "terms", "k"),
    "records": ("kind", "key", "tenant", "uri", "state", "holder"),
}
# Which keys lie together as JSON; those of records all do.
_PARTS: dict[str, tuple[str, ...]] = {
    "judged": ("id", "tenant", "acl", "shape"),
    "counted": ("n", "terms", "counts"),
    "content": ("name", "text", "crc", "doc", "k", "r"),
    "reading": ("reading",),
}
_RECORD = "record"


def chunks_class(settings: WeaviateSettings) -> dict[str, Any]:
    """What the collection of the chunks is made with."""
    properties = [*_columns("chunks"), _column("impacts", "text[]"), *map(_kept, _PARTS)]
    # Vectors have unit length, so the dot product is the cosine, and they come back as they were written.
    vectors: dict[str, Any] = {"distance": "dot"}
    if settings.index == "hnsw":
        vectors |= {
            "maxConnections": settings.m,
            "efConstruction": settings.ef_construction,
            "ef": settings.ef_search,
            "flatSearchCutoff": settings.exact_below + 1,
            "skipDefaultQuantization": True,
        }
    return {
        **_class(settings.name, settings, properties),
        "vectorIndexType": settings.index,
        "vectorIndexConfig": vectors,
        "multiTenancyConfig": {"enabled": settings.tenancy == "native"},
    }


def records_class(settings: WeaviateSettings) -> dict[str, Any]:
    """What the collection of documents and states is made with."""
    properties = [*_columns("records"), _kept(_RECORD)]
    made = _class(settings.records, settings, properties)
    return {**made, "vectorIndexType": "hnsw", "vectorIndexConfig": {"distance": "dot", "skip": True}}


def head_class(name: str, said: str) -> dict[str, Any]:
    """A record of commits: a collection without a shard, for what its description says."""
    return {
        "class": name,
        "description": said,
        "vectorizer": "none",
        "properties": [],
        "multiTenancyConfig": {"enabled": True},
    }


def object_of(name: str, place: Place, point: Point, tenant: str | None) -> dict[str, Any]:
    """A point as it is written."""
    payload = point.payload
    numbers = {key: payload[key] for key in _NUMBERS[place] if key in payload}
    numbers["place"] = place_of(point.id)
    if "to" in payload:
        # Of a chunk that is written anew it is one of several; see `ends`.
        numbers |= {NAMES[0]: payload["to"], **dict.fromkeys(NAMES[1:], OPEN)}
    properties: dict[str, Any] = {COLUMNS[key]: value for key, value in numbers.items()}
    for key in _TEXTS[place]:
        if key in payload:
            value = payload[key]
            properties[COLUMNS[key]] = tokens_of(value) if key in _MANY else token(value)
    if place == CHUNKS:
        properties[COLUMNS["k"]] = [*properties[COLUMNS["k"]], *place_tokens(payload["r"])]
        properties["impacts"] = impact_tokens(term_weights(payload))
        for part, keys in _PARTS.items():
            if held := {key: payload[key] for key in keys if key in payload}:
                properties[part] = _dumped(held)
    else:
        rest = {key: value for key, value in payload.items() if key not in numbers and key != "to"}
        properties[_RECORD] = _dumped(rest)
    made: dict[str, Any] = {"class": name, "id": point.id, "properties": properties}
    if point.vector is not None:
        made["vector"] = point.vector.tolist()
    return made if tenant is None else {**made, "tenant": tenant}


def fields_of(place: Place, keys: Sequence[str]) -> list[str]:
    """The properties that hold some keys."""
    wanted = {*keys, *(NAMES if "to" in keys else ())}
    numbers = [COLUMNS[key] for key in _NUMBERS[place] if key in wanted]
    if place == CHUNKS:
        return numbers + [part for part, held in _PARTS.items() if wanted & set(held)]
    return numbers + ([_RECORD] if wanted - {*_NUMBERS[place], "to"} else [])


def found_of(hit: Mapping[str, Any], place: Place) -> Found:
    """An object as it came back."""
    payload: dict[str, Any] = {}
    for part in (*_PARTS, _RECORD):
        if hit.get(part) is not None:
            payload |= json.loads(hit[part])
    for key in _NUMBERS[place]:
        if (value := hit.get(COLUMNS[key])) is not None:
            payload[key] = int(value)
    if any(name in payload for name in NAMES):
        payload["to"] = end_of([payload.pop(name) for name in NAMES if name in payload])
    more = hit["_additional"]
    numbers, distance = more.get("vector"), more.get("distance")
    return Found(
        payload,
        read_vector=partial(_vector, numbers) if numbers else None,
        score=0.0 if distance is None else -float(distance),
    )


def place_of(identity: str) -> int:
    """Where an object stands in an order of all: of two in a hundred million one may share its place."""
    return int(identity.replace("-", "")[:13], 16)


def _vector(numbers: Sequence[float]) -> Vectors:
    return np.asarray(numbers, dtype=np.float32)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _class(name: str, settings: WeaviateSettings, properties: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "class": name,
        "description": MADE_BY,
        "vectorizer": "none",
        "properties": properties,
        "replicationConfig": {"factor": settings.replicas},
    }


def _columns(place: Place) -> list[dict[str, Any]]:
    numbers = [_column(COLUMNS[key], "number") for key in _NUMBERS[place]]
    return numbers + [_column(COLUMNS[k], "text[]" if k in _MANY else "text") for k in _TEXTS[place]]


def _column(name: str, kind: str) -> dict[str, Any]:
    """A property that is asked for."""
    made: dict[str, Any] = {"name": name, "dataType": [kind], "indexFilterable": True}
    if kind == "number":
        return {**made, "indexRangeFilters": True}
    return {**made, "indexSearchable": False, "tokenization": "field"}


def _kept(name: str) -> dict[str, Any]:
    """A property that only comes back."""
    off = {"indexFilterable": False, "indexSearchable": False}
    return {"name": name, "dataType": ["text"], "tokenization": "field", **off}
