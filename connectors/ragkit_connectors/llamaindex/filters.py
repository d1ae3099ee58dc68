"""`MetadataFilters` of LlamaIndex → the filter language of ragkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ragkit.errors import FilterError

Filter = Mapping[str, Any]

# By the operators' values. What is missing satisfies `!=` and `nin` in LlamaIndex, and `not` here.
_ONE: Mapping[str, Callable[[str, Any], Filter]] = {
    "==": lambda key, value: {key: {"eq": value}},
    "!=": lambda key, value: {"not": {key: {"eq": value}}},
    ">": lambda key, value: {key: {"gt": value}},
    ">=": lambda key, value: {key: {"gte": value}},
    "<": lambda key, value: {key: {"lt": value}},
    "<=": lambda key, value: {key: {"lte": value}},
    "contains": lambda key, value: {key: {"contains": value}},
    "text_match": lambda key, value: {key: {"contains": value}},
}
_MANY: Mapping[str, Callable[[str, list[Any]], Filter]] = {
    "in": lambda key, values: {key: {"in": values}},
    "nin": lambda key, values: {"not": {key: {"in": values}}},
    "any": lambda key, values: {key: {"in": values}},
    "all": lambda key, values: {
        "and": [{key: {"exists": True}}, *({key: {"eq": value}} for value in values)]
    },
}
_REMEDIES = {
    "text_match_insensitive": "ragkit compares with case: keep the field in lower case, and use text_match"
}


def filter_of(given: Any) -> Filter | None:
    """A filter of ours, whether it was written in our language or in LlamaIndex's.

    Raises:
        FilterError: it has an operator, a condition or a value that ours has no word for.

    >>> from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
    >>> filter_of(MetadataFilters(filters=[MetadataFilter(key="year", value=2020, operator=">=")]))
    {'and': [{'year': {'gte': 2020}}]}
    """
    if given is None or isinstance(given, Mapping):
        return given
    parts = getattr(given, "filters", None)
    if parts is None:
        if hasattr(given, "operator") and hasattr(given, "key"):
            return _leaf(given)
        raise FilterError(
            f"expected a filter as ragkit has it, or MetadataFilters, got {type(given).__name__}"
        )
    inner = [filter_of(part) for part in parts]
    condition = str(getattr(given.condition, "value", given.condition) or "and")
    # LlamaIndex takes no filters at all for no restriction, whatever joins them.
    if condition == "and" or not inner:
        return {"and": inner}
    if condition in ("or", "not"):
        return {"or": inner} if condition == "or" else {"not": {"or": inner}}
    raise FilterError(f"condition {condition!r}: expected and, or, not")


def _leaf(given: Any) -> Filter:
    word = str(getattr(given.operator, "value", given.operator))
    key, value = given.key, given.value
    if word == "is_empty":
        return {key: {"exists": False}}
    if word in _MANY:
        if not isinstance(value, list):
            raise FilterError(f"{key}: the operator {word!r} takes a list, got {value!r}")
        return _MANY[word](key, value)
    if word not in _ONE:
        remedy = _REMEDIES.get(word, f"Operators that can be: {', '.join((*_ONE, *_MANY, 'is_empty'))}")
        raise FilterError(f"{key}: the operator {word!r} of LlamaIndex has no counterpart. {remedy}")
    if value is None or isinstance(value, list):
        raise FilterError(f"{key}: the operator {word!r} takes one value, got {value!r}")
    return _ONE[word](key, value)
