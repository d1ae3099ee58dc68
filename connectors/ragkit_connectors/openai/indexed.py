"""Items of a reply by their index: one for each thing that was sent, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ragkit.errors import InvalidOutputError
from ragkit_connectors.openai.wire import shortened

Value = TypeVar("Value")


def by_index(
    items: Iterable[Any], n: int, read: Callable[[Mapping[str, Any], int], Value], *, what: str, of: str
) -> list[Value]:
    """What is read in each item, in the order of what was sent.

    Args:
        items: as they came.
        n: how many were sent.
        read: the value of an item with this index.
        what: an item is called, and `of` what was sent, for messages.

    Raises:
        InvalidOutputError: an index is missing, double, or none of those that were sent.

    >>> items = [{"index": 1, "score": 0.5}, {"index": 0, "score": 0.9}]
    >>> by_index(items, 2, lambda item, index: item["score"], what="result", of="passage")
    [0.9, 0.5]
    """
    found: dict[int, Value] = {}
    for item in items:
        index = item.get("index") if isinstance(item, Mapping) else None
        if type(index) is not int or not 0 <= index < n:
            raise InvalidOutputError(f"one {what} has the index {shortened(index)}, expected 0 to {n - 1}")
        if index in found:
            raise InvalidOutputError(f"two {what}s have the index {index}, expected one for each {of}")
        found[index] = read(item, index)
    missing = [i for i in range(n) if i not in found]
    if missing:
        raise InvalidOutputError(
            f"{len(missing)} of {n} {what}s are missing, the first of them that of {of} {missing[0] + 1}"
        )
    return [found[i] for i in range(n)]
