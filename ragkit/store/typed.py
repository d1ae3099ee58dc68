"""Whether a document is of the types that it says: who makes one in code may put anything into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ragkit.fields import shown
from ragkit.types import Document, Section, Span

_LISTS = (tuple, list)
_GROUPS = (tuple, list, set, frozenset)


def type_problems(document: Document) -> list[str]:
    """What of a document is of another type than it says, one line per problem; empty when nothing is.

    >>> type_problems(Document("a", "One.", acl=5))
    ["acl=5: expected a list of groups, for example ('staff',)"]
    """
    return [
        f"{name}={shown(value)}: expected {expected}"
        for name, is_fit, expected in _PARTS
        if not is_fit(value := getattr(document, name))
    ]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, _LISTS) and all(isinstance(part, kind) for part in value)


def _are_sections(value: Any) -> bool:
    return isinstance(value, _LISTS) and all(
        isinstance(part, Section) and isinstance(part.title, str) and isinstance(part.span, Span)
        for part in value
    )


_PARTS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("id", _is_text, "text. Convert it with str()"),
    ("text", _is_text, "text. Convert it with str()"),
    ("uri", lambda value: value is None or isinstance(value, str), "text or None. Convert it with str()"),
    ("metadata", lambda value: isinstance(value, Mapping), "a mapping, for example {'lang': 'en'}"),
    ("acl", lambda value: isinstance(value, _GROUPS), "a list of groups, for example ('staff',)"),
    ("pages", _is_list_of(Span), "a list of Span"),
    ("sections", _are_sections, "a list of Section, each with a text and a Span"),
    ("blocks", _is_list_of(Span), "a list of Span"),
)
