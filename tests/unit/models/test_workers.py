"""Many callers on few threads: everything is done once, nobody starves, a failure reaches its caller."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.models.workers import FairWorkers, usable_cores


class Slow:
    """Work that notes what it is given, and begins only once the gate is opened."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.seen: list[list[str]] = []

    def __call__(self, items: Sequence[str]) -> None:
        self.begun.set()
        assert self.gate.wait(10)
        self.seen.append(list(items))


def behind(slow: Slow, first: list[str], others: list[list[str]], *, together: int = 0) -> None:
    """Runs `first`, and `others` once it has begun, on one thread; opens the gate when all are there."""
    workers = FairWorkers(slow, threads=1, name="test", together=together)
    with ThreadPoolExecutor(1 + len(others)) as callers:
        calls = [callers.submit(workers.run, first)]
        assert slow.begun.wait(10)
        for number, other in enumerate(others, 2):
            calls.append(callers.submit(workers.run, other))
            while waiting(workers) < number - (len(first) == 1):
                threading.Event().wait(0.001)
        slow.gate.set()
        for call in calls:
            call.result(10)


def waiting(workers: FairWorkers[str]) -> int:
    return sum(len(pool._calls) for pool in workers._pools.values())


def test_a_short_call_passes_a_long_one() -> None:
    slow = Slow()
    behind(slow, ["long"] * 50, [["one"]])
    assert slow.seen.index(["one"]) == 1


def test_equal_calls_are_served_in_the_order_of_their_coming() -> None:
    slow = Slow()
    behind(slow, ["x"], [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]])
    assert slow.seen == [["x"], ["a1"], ["a2"], ["b1"], ["b2"], ["c1"], ["c2"]]


def test_a_long_call_does_not_starve_behind_short_ones_that_keep_coming() -> None:
    seen: list[str] = []
    workers = FairWorkers[str](seen.extend, threads=1, name="test")

    def keep_coming() -> None:
        for _ in range(100):
            workers.run(["a", "b"])

    with ThreadPoolExecutor(5) as callers:
        calls = [callers.submit(workers.run, ["long"] * 10)]
        calls += [callers.submit(keep_coming) for _ in range(4)]
        for call in calls:
            call.result(10)
    assert seen.count("long") == 10
    assert "long" not in seen[-200:]


@pytest.mark.parametrize(
    ("together", "expected"),
    [(4, [["cc", "dd"], ["bbb"], ["aa"]]), (6, [["cc", "dd", "aa"], ["bbb"]])],
)
def test_equal_lengths_of_several_calls_share_work_up_to_the_limit(
    together: int, expected: list[list[str]]
) -> None:
    slow = Slow()
    behind(slow, ["x"], [["aa", "bbb"], ["cc"], ["dd"]], together=together)
    assert slow.seen == [["x"], *expected]


def test_the_longest_items_of_a_call_go_first() -> None:
    seen: list[str] = []
    FairWorkers[str](seen.extend, threads=1, name="test").run(["a", "ccc", "bb", ""])
    assert seen == ["ccc", "bb", "a", ""]


def test_the_last_items_are_spread_over_the_threads() -> None:
    seen: list[int] = []
    FairWorkers[str](lambda items: seen.append(len(items)), threads=4, name="test", together=100).run(
        ["a"] * 8
    )
    assert sum(seen) == 8
    assert max(seen) == 2


@settings(max_examples=30, deadline=None)
@given(
    calls=st.lists(st.lists(st.integers(0, 5), max_size=12), max_size=8),
    threads=st.integers(1, 3),
    together=st.integers(0, 12),
)
def test_every_item_is_worked_on_once(calls: list[list[int]], threads: int, together: int) -> None:
    lock, seen = threading.Lock(), [[0] * len(call) for call in calls]

    class Numbered(str):
        caller = place = 0

    def work(items: Sequence[Numbered]) -> None:
        assert len({len(item) for item in items}) == 1
        with lock:
            for item in items:
                seen[item.caller][item.place] += 1

    def made(caller: int, place: int, length: int) -> Numbered:
        item = Numbered("x" * length)
        item.caller, item.place = caller, place
        return item

    workers = FairWorkers(work, threads=threads, name="test", together=together)
    lists = [[made(i, j, length) for j, length in enumerate(call)] for i, call in enumerate(calls)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(workers.run, lists))
    assert seen == [[1] * len(call) for call in calls]


def test_a_failure_reaches_its_caller_and_ends_the_call() -> None:
    seen: list[str] = []

    def work(items: Sequence[str]) -> None:
        seen.extend(items)
        if "bad" in items:
            raise ValueError("cannot do bad")

    workers = FairWorkers(work, threads=1, name="test")
    with pytest.raises(ValueError, match="cannot do bad"):
        workers.run(["good", "bad", "no"])
    assert seen == ["good", "bad"]
    workers.run(["next"])
    assert seen[-1] == "next"


def test_a_failure_is_not_given_to_calls_that_shared_the_work() -> None:
    slow = Slow()
    done: list[str] = []

    def work(items: Sequence[str]) -> None:
        slow(items)
        for item in items:
            if item in ("bad", "odd"):
                raise ValueError(f"cannot do {item}")
        done.extend(items)

    workers = FairWorkers(work, threads=1, name="test", together=100)
    with ThreadPoolExecutor(5) as callers:
        first = callers.submit(workers.run, ["x"])
        assert slow.begun.wait(10)
        calls = []
        for number, items in enumerate((["one"], ["bad"], ["two"], ["odd"]), 1):
            calls.append(callers.submit(workers.run, items))
            while waiting(workers) < number:
                threading.Event().wait(0.001)
        slow.gate.set()
        first.result(10)
        errors = [call.exception(10) for call in calls]
    assert slow.seen[1] == ["one", "bad", "two", "odd"]
    assert [str(error) for error in errors] == ["None", "cannot do bad", "None", "cannot do odd"]
    assert done == ["x", "one", "two"]


def test_usable_cores_are_counted() -> None:
    assert usable_cores() >= 1
