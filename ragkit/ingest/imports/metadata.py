"""Metadata of another library → ours: what fits stays, what is nested travels as JSON, nothing is lost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# The name under which a passage's own id is kept.
OWN_ID = "import_id"
_NESTED = "json:"
_WIDEST = 2**63
# These words say whose a document is and who may read it, and an index must not be able to say that.
_RENAMED = {"tenant": "import_tenant", "acl": "import_acl"}


def own_metadata(found: Any, own_id: str) -> dict[str, Any]:
    """Metadata as our passages have it, with the passage's own id under `import_id`.

    A mapping or a nested list becomes the text `json:{…}`, as the adapters of LangChain and LlamaIndex write
    it and read it again; `tenant` and `acl` become `import_tenant` and `import_acl`.

    >>> own_metadata({"page": 3, "loc": {"from": 1}, "acl": "x"}, "a")
    {'page': 3, 'loc': 'json:{"from": 1}', 'import_acl': 'x', 'import_id': 'a'}

    Raises:
        ValueError: it is no mapping, or holds what neither we nor JSON can; the text says what.
    """
    if not isinstance(found, Mapping):
        raise ValueError(f"its metadata is {type(found).__name__}: expected a JSON object")
    metadata: dict[str, Any] = {}
    for key, value in found.items():
        name = str(_RENAMED.get(key, key))
        if name in metadata or name == OWN_ID:
            raise ValueError(f"metadata.{key}: the name {name!r} is taken. Rename it in the index it is from")
        metadata[name] = _value(key, value)
    return {**metadata, OWN_ID: own_id}


def shared(metadata: list[dict[str, Any]]) -> dict[str, Any]:
    """What all passages of a document say alike.

    >>> shared([{"page": 1, "lang": "en"}, {"page": 2, "lang": "en"}])
    {'lang': 'en'}
    """
    first, *others = metadata
    return {
        key: value
        for key, value in first.items()
        if key != OWN_ID and all(key in other and _is_same(other[key], value) for other in others)
    }


def _is_same(one: Any, other: Any) -> bool:
    # 1, 1.0 and True are equal, and not the same to a filter.
    return type(one) is type(other) and one == other


def _value(key: object, value: Any) -> Any:
    if value is None or _is_scalar(value):
        is_marked = isinstance(value, str) and value.startswith(_NESTED)
        return _NESTED + json.dumps(value, ensure_ascii=False) if is_marked else value
    if isinstance(value, list) and all(map(_is_scalar, value)):
        return tuple(value)
    try:
        return _NESTED + json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as e:
        raise ValueError(
            f"metadata.{key}: it holds what JSON cannot ({e}): expected text, finite numbers, booleans, "
            "lists and objects of them"
        ) from e


def _is_scalar(value: Any) -> bool:
    if isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        return -_WIDEST <= value < _WIDEST
    return isinstance(value, float) and math.isfinite(value)
