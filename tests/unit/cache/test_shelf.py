"""Values in bounded memory, for a time."""

from __future__ import annotations

from ragkit.cache.shelf import Shelf


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def shelf_of(clock: Clock, *, max_entries: int = 10, max_bytes: int = 1_000) -> Shelf[str]:
    return Shelf(ttl_s=60, max_entries=max_entries, max_bytes=max_bytes, clock=clock)


def test_a_value_is_gone_once_its_time_is_over() -> None:
    clock = Clock()
    shelf = shelf_of(clock)
    shelf.put(b"a", "text", n_bytes=4)
    clock.now = 59.9
    assert shelf.get(b"a") is not None
    clock.now = 60.0
    assert shelf.get(b"a") is None
    assert shelf.n_bytes == 0


def test_to_be_used_gives_no_more_time() -> None:
    clock = Clock()
    shelf = shelf_of(clock)
    shelf.put(b"a", "text", n_bytes=4)
    for clock.now in (20.0, 40.0, 59.0):
        assert shelf.get(b"a") is not None
    clock.now = 61.0
    assert shelf.get(b"a") is None


def test_the_least_recently_used_goes_first() -> None:
    shelf = shelf_of(Clock(), max_entries=2)
    shelf.put(b"a", "text", n_bytes=4)
    shelf.put(b"b", "text", n_bytes=4)
    shelf.get(b"a")
    shelf.put(b"c", "text", n_bytes=4)
    assert [key for key in (b"a", b"b", b"c") if shelf.get(key)] == [b"a", b"c"]


def test_to_be_looked_at_is_not_to_be_used() -> None:
    shelf = shelf_of(Clock(), max_entries=2)
    shelf.put(b"a", "text", n_bytes=4)
    shelf.put(b"b", "text", n_bytes=4)
    assert shelf.peek(b"a") is not None
    shelf.put(b"c", "text", n_bytes=4)
    assert shelf.get(b"a") is None


def test_bytes_are_bounded_and_a_value_larger_than_all_is_not_kept() -> None:
    shelf = shelf_of(Clock(), max_bytes=10)
    assert shelf.put(b"a", "text", n_bytes=6)
    assert shelf.put(b"b", "text", n_bytes=6)
    assert (len(shelf), shelf.n_bytes) == (1, 6)
    assert not shelf.put(b"c", "text", n_bytes=11)
    assert shelf.get(b"b") is not None


def test_a_value_that_replaces_another_counts_once() -> None:
    shelf = shelf_of(Clock())
    shelf.put(b"a", "text", n_bytes=6)
    shelf.put(b"a", "other", n_bytes=4)
    assert (len(shelf), shelf.n_bytes) == (1, 4)


def test_what_nobody_asks_for_leaves_memory_too() -> None:
    clock = Clock()
    shelf = shelf_of(clock)
    shelf.put(b"a", "text", n_bytes=4)
    clock.now = 120.0
    shelf.put(b"b", "text", n_bytes=4)
    assert len(shelf) == 1


def test_whoever_asked_is_told_of_each_key_that_goes() -> None:
    gone: list[bytes] = []
    shelf = Shelf[str](ttl_s=60, max_entries=1, max_bytes=100, dropped=gone.append)
    shelf.put(b"a", "text", n_bytes=4)
    shelf.put(b"b", "text", n_bytes=4)
    shelf.clear()
    assert gone == [b"a", b"b"]
