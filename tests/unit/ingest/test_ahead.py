from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ragkit.ingest.ahead import ahead


def test_items_come_in_order() -> None:
    with ahead(iter(range(100)), depth=2) as items:
        assert list(items) == list(range(100))


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with ahead(broken(), depth=2) as items:
        assert next(items) == 1
        with pytest.raises(OSError, match="gone"):
            next(items)


def test_it_works_ahead_but_not_further_than_asked() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(100):
            made.append(n)
            yield n

    with ahead(numbers(), depth=3) as items:
        assert next(items) == 0
    assert len(made) <= 6


def test_leaving_the_block_ends_the_thread() -> None:
    with ahead(iter(range(1_000)), depth=1) as items:
        next(items)
    assert not any(t.name == "ragkit-ingest" for t in threading.enumerate())
