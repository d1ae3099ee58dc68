"""Fits what a file says of itself to the fields that a collection declares, where nothing is lost by it."""

from __future__ import annotations

from collections.abc import Mapping

from ragkit.fields import FieldSpec, FieldType
from ragkit.types import Metadata, MetadataValue, Scalar

_TEXTUAL = frozenset({FieldType.KEYWORD, FieldType.TEXT})
# These stand beside the metadata; a file must not be able to say whose it is or who may read it.
_RESERVED = frozenset({"tenant", "acl"})


def fitted(metadata: Metadata, fields: Mapping[str, FieldSpec]) -> dict[str, MetadataValue]:
    """The metadata with `version: 3` as text and `tags: x` as a list where the fields are declared so.

    Other values stay as they are, for the collection to judge. `tenant` and `acl` are left out.
    """
    return {
        name: _fit(value, fields[name]) if name in fields else value
        for name, value in metadata.items()
        if name not in _RESERVED
    }


def _fit(value: MetadataValue, spec: FieldSpec) -> MetadataValue:
    if value is None:
        return None
    if spec.many:
        values = value if isinstance(value, list | tuple) else (value,)
        return tuple(_as_text(v) if spec.type in _TEXTUAL else v for v in values)
    if spec.type in _TEXTUAL and isinstance(value, int | float):
        return _as_text(value)
    return value


def _as_text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
