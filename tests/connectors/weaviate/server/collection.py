"""One collection: its schema, its objects by tenant, and what it refuses."""

from __future__ import annotations

import math
import re
import uuid
from typing import Any

from tests.connectors.loopback import Refusal

_CLASS = re.compile(r"[A-Z][_0-9A-Za-z]{0,254}")
_PROPERTY = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,230}")
_CLASS_KEYS = {
    "class", "description", "vectorizer", "vectorIndexType", "vectorIndexConfig", "properties",
    "multiTenancyConfig", "replicationConfig", "invertedIndexConfig", "shardingConfig", "moduleConfig",
}  # fmt: skip
_PROPERTY_KEYS = {
    "name", "dataType", "description", "tokenization", "indexFilterable", "indexSearchable",
    "indexRangeFilters",
}  # fmt: skip
_HNSW = {
    "distance", "maxConnections", "efConstruction", "ef", "flatSearchCutoff", "skip",
    "skipDefaultQuantization", "dynamicEfMin", "dynamicEfMax", "dynamicEfFactor", "vectorCacheMaxObjects",
    "filterStrategy", "rq", "pq",
}  # fmt: skip
_TYPES: dict[str, type | tuple[type, ...]] = {"text": str, "number": (int, float), "boolean": bool}
MOST_HITS = 10_000


def refused(said: str, status: int = 422) -> Refusal:
    """An error in the form of the real server's."""
    return Refusal(status, {"error": [{"message": said}]})


class Collection:
    """Objects under their ids, of each tenant apart."""

    def __init__(self, body: dict[str, Any]) -> None:
        _only(body, _CLASS_KEYS, "class")
        self.name = body.get("class", "")
        if _CLASS.fullmatch(self.name) is None:
            raise refused(f"'{self.name}' is not a valid class name")
        if body.get("vectorizer", "none") != "none":
            raise refused(f'vectorizer: no module with name "{body["vectorizer"]}" present')
        self.properties = {p["name"]: _checked_property(p) for p in body.get("properties") or ()}
        kind, vectors = body.get("vectorIndexType", "hnsw"), body.get("vectorIndexConfig") or {}
        if kind not in ("hnsw", "flat", "dynamic"):
            raise refused(f"parse vector index config: unsupported vector index type: {kind!r}")
        _only(vectors, _HNSW if kind == "hnsw" else {"distance"}, "vectorIndexConfig")
        defaults = {"distance": "cosine", "flatSearchCutoff": 40_000, "ef": -1, "maxConnections": 32}
        self.config = {
            "vectorizer": "none", "description": "", **body, "vectorIndexType": kind,
            "vectorIndexConfig": {**(defaults if kind == "hnsw" else {"distance": "cosine"}), **vectors},
            "multiTenancyConfig": {"enabled": False, **(body.get("multiTenancyConfig") or {})},
            "replicationConfig": {"factor": 1, **(body.get("replicationConfig") or {})},
        }  # fmt: skip
        self.has_tenants = bool(self.config["multiTenancyConfig"]["enabled"])
        self.tenants: dict[str | None, dict[str, dict[str, Any]]] = {} if self.has_tenants else {None: {}}
        self.waiting: set[str] = set()  # objects whose vectors are not in the index yet
        self.is_guessed = False

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Those of all tenants."""
        return [one for held in self.tenants.values() for one in held.values()]

    def of(self, tenant: str | None) -> dict[str, dict[str, Any]]:
        """The objects of a tenant."""
        if self.has_tenants and not tenant:
            raise refused(f"class {self.name} has multi-tenancy enabled, but request was without tenant")
        if tenant and not self.has_tenants:
            raise refused(f"class {self.name} has multi-tenancy disabled, but request was with tenant")
        if tenant not in self.tenants:
            raise refused(f'tenant not found: "{tenant}"')
        return self.tenants[tenant]

    def put(self, body: dict[str, Any], *, is_queued: bool = False) -> None:
        """Writes an object, in the place of one of the same id."""
        _only(body, {"class", "id", "properties", "vector", "tenant"}, "object")
        held = self.of(body.get("tenant"))
        identity = str(uuid.UUID(body["id"]))
        self._check(body["properties"])
        vector = body.get("vector")
        if vector is not None:
            lengths = {len(one["vector"]) for one in self.objects if one.get("vector") is not None}
            if lengths - {len(vector)}:
                raise refused(
                    f"insert to vector index: new node has a vector with length {len(vector)}. Existing "
                    f"nodes have vectors with length {lengths.pop()}"
                )
        held[identity] = {"id": identity, "properties": dict(body["properties"]), "vector": vector}
        if is_queued and vector is not None:
            self.waiting.add(identity)

    def merge(self, identity: str, body: dict[str, Any]) -> None:
        """Changes properties of an object; the vector stays."""
        _only(body, {"class", "id", "properties", "tenant"}, "object")
        held = self.of(body.get("tenant"))
        if identity not in held:
            raise Refusal(404, {"error": [{"message": "no object with id"}]})
        self._check(body["properties"])
        held[identity]["properties"] |= body["properties"]

    def _check(self, properties: dict[str, Any]) -> None:
        for name, value in properties.items():
            if name not in self.properties:
                if not self.is_guessed:
                    raise AssertionError(f"{name} is no property of {self.name}: it would be guessed")
                continue
            (kind,) = self.properties[name]["dataType"]
            is_many, wanted = kind.endswith("[]"), _TYPES[kind.removesuffix("[]")]
            values = value if is_many and isinstance(value, list) else [value]
            is_right = isinstance(value, list) == is_many and all(isinstance(v, wanted) for v in values)
            if not is_right or any(isinstance(v, float) and not math.isfinite(v) for v in values):
                raise refused(f"invalid {kind} property '{name}' on class '{self.name}': not a {kind}")


def _checked_property(body: dict[str, Any]) -> dict[str, Any]:
    _only(body, _PROPERTY_KEYS, "property")
    if _PROPERTY.fullmatch(body["name"]) is None or body["name"] in ("id", "_id", "_additional"):
        raise refused(f"'{body['name']}' is not a valid property name, or reserved")
    (kind,) = body["dataType"]
    if kind.removesuffix("[]") not in _TYPES:
        raise refused(f"invalid dataType: {kind}")
    is_text = kind.startswith("text")
    if not is_text and ("tokenization" in body or body.get("indexSearchable")):
        raise refused(f"`tokenization` and `indexSearchable` are not allowed for dataType {kind}")
    if body.get("indexRangeFilters") and kind != "number":
        raise refused(f"`indexRangeFilters` is not allowed for dataType {kind}")
    return {"indexFilterable": True, "indexSearchable": is_text, **body}


def _only(body: dict[str, Any], known: set[str], what: str) -> None:
    if not isinstance(body, dict) or set(body) - known:
        raise refused(f"{what}: unknown {sorted(set(body) - known)}")
