"""Turns: nobody is passed by who came later, and none is lost."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

import pytest

from ragkit.models.process_lock import Turns


def test_who_comes_back_at_once_does_not_pass_those_who_wait() -> None:
    turns, taken, came = Turns(1), 0, threading.Event()

    def wait_once() -> None:
        with turns:
            came.set()

    others = [threading.Thread(target=wait_once) for _ in range(3)]
    with turns:
        for other in others:
            other.start()
    while not came.is_set() and taken < 500:
        with turns:
            taken += 1
            time.sleep(0.001)
    for other in others:
        other.join(30)
    assert taken < 500
    assert turns.is_free


def test_a_turn_of_one_who_is_interrupted_while_he_waits_is_not_lost() -> None:
    turns, done = Turns(1), threading.Event()

    def hold() -> None:
        with turns:
            done.wait(30)

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise InterruptedError("tired of waiting")

    holder = threading.Thread(target=hold)
    holder.start()
    while turns.is_free:
        time.sleep(0.001)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(InterruptedError, match="tired"):
            turns.__enter__()
    finally:
        signal.signal(signal.SIGALRM, before)
        done.set()
        holder.join(30)
    assert turns.is_free
