"""How a declared type is written: which kind of node may hold it, and how a scalar is read as it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path, PurePath
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from ragkit.config.tree import Entries, Items, Node, Text, as_flag, as_integer, as_number, is_null
from ragkit.secrets import Secret
from ragkit.settings import Ref

LISTS = frozenset({list, tuple, set, frozenset, Sequence, Iterable})
Reader = Callable[[Text], Any]


def reader_of(kind: Any, folder: Path | None = None) -> Reader | None:
    """The function that reads a scalar as `kind`, giving None for one that is not of it.

    None for a type that is not written as a scalar, or is none of ours. Relative paths start at `folder`.
    """
    readers: dict[Any, Reader] = {bool: as_flag, int: as_integer, float: as_number}
    if kind in readers:
        return readers[kind]
    if kind is str:
        return lambda node: None if is_null(node) else node.value
    if kind is Secret:
        return lambda node: None if is_null(node) else Secret(node.value)
    if isinstance(kind, type) and issubclass(kind, PurePath):
        return lambda node: _path(node, folder)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda node: next((member for member in kind if str(member.value) == node.value), None)
    return None


def _path(node: Text, folder: Path | None) -> Path | None:
    if is_null(node) or not node.value or "\0" in node.value:
        return None
    path = Path(node.value)
    return folder / path if folder is not None else path


def bare(annotation: Any) -> Any:
    """The type without what `Annotated` says of it."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def ref_in(metadata: Iterable[Any]) -> Ref | None:
    """The reference that a setting is marked as, if any."""
    return next((item for item in metadata if isinstance(item, Ref)), None)


def may_hold(annotation: Any, node: Node) -> bool:
    """Whether a value of this type can be written as this kind of node at all."""
    if get_origin(annotation) is Annotated and ref_in(get_args(annotation)[1:]):
        return isinstance(node, Text)
    kind = get_origin(bare(annotation)) or bare(annotation)
    if kind in (Any, object):
        return True
    if kind in LISTS:
        return isinstance(node, Items)
    if isinstance(kind, type) and issubclass(kind, Mapping | BaseModel):
        return isinstance(node, Entries)
    return isinstance(node, Text)


def mentions(annotation: Any, cls: type, within: frozenset[type] = frozenset()) -> bool:
    """Whether `cls` or a subclass occurs anywhere in a type, the fields of a settings class included."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if annotation in within:
            return False
        if issubclass(annotation, BaseModel):
            inner = within | {annotation}
            return any(mentions(info.annotation, cls, inner) for info in annotation.model_fields.values())
        return issubclass(annotation, cls)
    return any(mentions(arg, cls, within) for arg in get_args(annotation))
