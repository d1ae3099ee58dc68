"""Fields of an index: what a mapping may say, and what a document must be to fit it."""

from __future__ import annotations

import math
from typing import Any

from tests.connectors.opensearch.server.errors import ApiError, bad

_PARAMETERS = {
    "keyword": {"type", "index", "doc_values", "ignore_above", "store"},
    "long": {"type", "index", "doc_values", "store"},
    "boolean": {"type", "index", "doc_values", "store"},
    "text": {"type", "index", "store", "analyzer"},
    "rank_features": {"type"},
    "knn_vector": {"type", "dimension", "method", "space_type", "data_type", "mode"},
}
_METHOD = {"name", "engine", "space_type", "parameters"}
_SPACES = {
    "lucene": {"l2", "cosinesimil", "innerproduct"},
    "faiss": {"l2", "innerproduct", "cosinesimil"},
}
_TERM_BYTES = 32_766


def check_mapping(mappings: dict[str, Any], plugins: set[str], is_knn: bool) -> None:
    """Refuses what the real server refuses when an index is made."""
    for key in mappings:
        if key not in ("dynamic", "_meta", "properties", "_routing", "_source"):
            raise _mapper(f"Root mapping definition has unsupported parameters:  [{key} : {mappings[key]}]")
    for name, field in mappings.get("properties", {}).items():
        kind = field.get("type")
        if kind == "knn_vector" and "opensearch-knn" not in plugins:
            raise _mapper("No handler for type [knn_vector] declared on field [dense]")
        if kind not in _PARAMETERS:
            raise _mapper(f"No handler for type [{kind}] declared on field [{name}]")
        for parameter in set(field) - _PARAMETERS[kind]:
            raise _mapper(f"unknown parameter [{parameter}] on mapper [{name}] of type [{kind}]")
        if kind == "knn_vector":
            _check_vector(name, field, is_knn)


def _check_vector(name: str, field: dict[str, Any], is_knn: bool) -> None:
    if not isinstance(field.get("dimension"), int) or not 1 <= field["dimension"] <= 16_000:
        raise _mapper(f"Dimension value must be between 1 and 16000 for vector: {name}")
    method = field.get("method")
    if method is None:
        return
    if set(method) - _METHOD:
        raise _mapper(f"Invalid parameter for method: {sorted(set(method) - _METHOD)[0]}")
    if not is_knn:
        raise _mapper("Cannot set modelId or method parameters when index.knn setting is false")
    if method.get("name") != "hnsw" or method.get("engine") not in _SPACES:
        raise _mapper(f"Invalid method: {method.get('name')} / {method.get('engine')}")
    if method.get("space_type") not in _SPACES[method["engine"]]:
        raise _mapper(f"Space type {method.get('space_type')} is not supported by {method['engine']}")
    if set(method.get("parameters", {})) - {"m", "ef_construction", "ef_search"}:
        raise _mapper("Validation Failed: 1: Invalid parameter for method component")


def check_document(identity: str, source: Any, mappings: dict[str, Any]) -> None:
    """Refuses a document that does not fit."""
    if not isinstance(source, dict):
        raise _mapper("failed to parse: malformed document")
    fields = mappings.get("properties", {})
    for name, value in source.items():
        if name not in fields:
            if mappings.get("dynamic") == "strict":
                reason = (
                    f"mapping set to strict, dynamic introduction of [{name}] within [_doc] is not allowed"
                )
                raise ApiError(400, "strict_dynamic_mapping_exception", reason)
            continue
        _check_value(identity, name, value, fields[name])


def _check_value(identity: str, name: str, value: Any, field: dict[str, Any]) -> None:
    kind = field["type"]
    failed = f"failed to parse field [{name}] of type [{kind}] in document with id '{identity}'"
    if kind == "rank_features":
        if not isinstance(value, dict):
            raise _mapper(f"{failed}: [rank_features] fields must be json objects")
        for feature, weight in value.items():
            if not isinstance(weight, int | float) or not weight >= 1.1754944e-38:
                raise _mapper(
                    f"{failed}: featureValue must be a positive normal float, got: {weight} for {feature}"
                )
        return
    if kind == "knn_vector":
        if not isinstance(value, list) or not all(
            isinstance(x, int | float) and math.isfinite(x) for x in value
        ):
            raise _mapper(f"{failed}: vector must be an array of finite numbers")
        if len(value) != field["dimension"]:
            raise _mapper(
                f"{failed}: Vector dimension mismatch. Expected: {field['dimension']}, Given: {len(value)}"
            )
        return
    for one in value if isinstance(value, list) else [value]:
        _check_one(name, one, field, failed)


def _check_one(name: str, one: Any, field: dict[str, Any], failed: str) -> None:
    kind = field["type"]
    if kind == "long" and (isinstance(one, bool) or not isinstance(one, int) or not -(2**63) <= one < 2**63):
        raise _mapper(failed)
    if kind == "boolean" and not isinstance(one, bool):
        raise _mapper(failed)
    if kind == "keyword":
        if not isinstance(one, str):
            raise _mapper(failed)
        is_term = field.get("index", True) or field.get("doc_values", True)
        if is_term and len(one.encode()) > _TERM_BYTES:
            raise bad(
                f'Document contains at least one immense term in field="{name}" (whose UTF8 encoding is '
                "longer than "
                f"the max length {_TERM_BYTES}), all of which were skipped."
            )


def _mapper(reason: str) -> ApiError:
    return bad(reason, "mapper_parsing_exception")
