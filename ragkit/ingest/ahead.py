"""Runs an iterator ahead of its consumer, on its own thread: documents are read while others are embedded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ragkit.ingest.bounded import Bounded

T = TypeVar("T")


@contextmanager
def ahead(items: Iterable[T], depth: int, weight: Callable[[T], int] = lambda _: 1) -> Iterator[Iterator[T]]:
    """The items in order, made before they are asked for.

    An error of the iterator is raised where its item would have come. Leaving the block ends the thread
    after the item it is working on.

    Args:
        items: where they come from.
        depth: the weight of all that may be made ahead.
        weight: what an item weighs; 1 each by default.

    >>> with ahead(iter([1, 2, 3]), depth=2) as numbers:
    ...     list(numbers)
    [1, 2, 3]
    """
    made = Bounded(depth, weight)
    thread = threading.Thread(target=_make, args=(items, made), name="ragkit-ingest", daemon=True)
    thread.start()
    try:
        yield iter(made)
    finally:
        made.close()
        thread.join()


def _make(items: Iterable[T], made: Bounded[T]) -> None:
    try:
        for item in items:
            if not made.put(item):
                break
        if isinstance(items, Generator):
            items.close()  # here, for what it holds open may belong to this thread
    except BaseException as e:
        made.end(e)
    else:
        made.end()
