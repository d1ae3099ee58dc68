"""What a setting expects, in words: from its type, and from pydantic's findings about its value."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ragkit.config.problems import shortened
from ragkit.secrets import Secret
from ragkit.settings import Ref

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Secret: "text",
    type(None): "nothing",
}
# pydantic's kinds of findings that are about a bound, with the words for it; {} is the bound.
_BOUNDS = {
    "greater_than": ("gt", "a number > {}"),
    "greater_than_equal": ("ge", "a number >= {}"),
    "less_than": ("lt", "a number < {}"),
    "less_than_equal": ("le", "a number <= {}"),
    "multiple_of": ("multiple_of", "a multiple of {}"),
    "string_too_short": ("min_length", "text of at least {} characters"),
    "string_too_long": ("max_length", "text of at most {} characters"),
    "string_pattern_mismatch": ("pattern", "text that matches {}"),
    "too_short": ("min_length", "a list of at least {}"),
    "too_long": ("max_length", "a list of at most {}"),
}


def expects(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """What may be written for a type: `a whole number`, `'keep' or 'score'`, `the name of a model`."""
    ref = next((item for item in metadata if isinstance(item, Ref)), None)
    if ref is not None:
        return f"the name of a {ref.kind}"
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return expects(args[0], args[1:])
    if origin is Literal:
        return alternatives([repr(arg) if isinstance(arg, str) else str(arg) for arg in args])
    if origin in (Union, types.UnionType):
        every = dict.fromkeys(expects(arg) for arg in args if arg is not type(None))
        return alternatives(list(every))
    return _expects_class(origin or annotation)


def _expects_class(cls: Any) -> str:
    if not isinstance(cls, type):
        return "another value"
    if issubclass(cls, Enum):
        return alternatives([repr(member.value) for member in cls])
    if issubclass(cls, PurePath):
        return "a path"
    if issubclass(cls, BaseModel | Mapping):
        return "a mapping"
    return "a list" if cls in (list, tuple, set, frozenset) else "another value"


def alternatives(words: list[str]) -> str:
    """`a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def finding(error: ErrorDetails, shown: str) -> str:
    """One of pydantic's findings in our words; `shown` is the value as it may be shown."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"expected {words.format(_number(context[key]))}, got {shown}"
    if kind in ("literal_error", "enum"):
        return f"expected {context['expected']}, got {shown}"
    if kind in ("value_error", "assertion_error"):
        return shortened(str(context.get("error", error["msg"])), 400)
    return f"{shortened(error['msg'], 200)}, got {shown}"


def _number(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)
