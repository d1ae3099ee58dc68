"""What was computed last is kept, within its memory."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from ragkit.models.recent import Recent

SIX = {"n_bytes": 6}


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_a_thread_keeps_something_leaves_the_child_free() -> None:
    recent = Recent[str, int](30)
    with recent._lock.own():  # held by the parent as it forks
        child = multiprocessing.get_context("fork").Process(target=recent.keep, args=("a", 1), kwargs=SIX)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork beside threads
            child.start()
        child.join(20)
        hangs = child.is_alive()
        child.kill()
    assert not hangs
    assert child.exitcode == 0
