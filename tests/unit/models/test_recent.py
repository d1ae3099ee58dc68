"""What was computed last is kept, within its memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ragkit.models.recent import Recent


def test_what_was_asked_for_last_stays() -> None:
    recent = Recent[str, int](30)
    for name, value in zip("abc", range(3), strict=True):
        recent.keep(name, value, n_bytes=10)
    assert recent.get("a") == 0
    recent.keep("d", 3, n_bytes=10)
    assert [recent.get(name) for name in "abcd"] == [0, None, 2, 3]


def test_what_alone_is_too_large_drives_nothing_out() -> None:
    recent = Recent[str, int](30)
    recent.keep("a", 0, n_bytes=30)
    recent.keep("large", 1, n_bytes=31)
    assert (recent.get("a"), recent.get("large")) == (0, None)


def test_many_threads_keep_no_more_than_the_memory() -> None:
    recent = Recent[int, int](50)

    def keep(i: int) -> None:
        recent.keep(i % 40, i % 40, n_bytes=10)
        assert recent.get(i % 40) in (None, i % 40)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(4_000)))
    assert sum(recent.get(i) is not None for i in range(40)) == 5
