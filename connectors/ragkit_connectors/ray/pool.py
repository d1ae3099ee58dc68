"""A pool of actors that may die at any moment: what was given to a dead one is given to another.

The work is pure, so that doing it twice does no harm, and only its first answer counts. What an actor had
when it died is suspected from then on, and given to an actor alone: where that dies too, it is what killed
it. In company nothing is proved, for an actor's last answer can be lost with it. And it goes only to an actor
that was heard of since: where a whole node dies, its other actors would count as killed by it. A task that
outlived its tries is given up with the last reason.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ragkit.errors import ClusterError
from ragkit_connectors.ray.cluster import Cluster, last_line, within
from ragkit_connectors.ray.watch import Watch, is_gone

TRIES = 3
# One at work and one waiting: an actor is never idle for the time that an answer travels.
_DEPTH = 2
_LOOK_S = 2.0
_START_S = 180.0
_DISMISS_S = 5.0
_CLOSE_S = 10.0
# By then Ray has told of all that died at once.
_SETTLED_S = 60.0
_DETAIL = re.compile(r"(?:exit detail|Reason|reason):\s*(.+?)(?:\. |\n|$)")


class WorkerDiedError(Exception):
    """A task was given up: each worker that took it died; the text says of what."""


class StoppedWorkError(ClusterError):
    """The pool was closed before the task was done."""


@dataclass(slots=True, eq=False)
class _Task:
    method: str
    payload: bytes
    tries: int
    answer: Future[bytes] = field(default_factory=Future)
    deaths: int = 0
    is_suspect: bool = False
    died_at: float = 0.0


@dataclass(slots=True, eq=False)
class _Hand:
    """One actor and what it was given, oldest first."""

    actor: Any
    under_way: deque[_Task] = field(default_factory=deque)
    is_ready: bool = False
    is_dead: bool = False
    heard_at: float = 0.0

    def has_room(self, depth: int) -> bool:
        """Whether it has so many tasks, and none that must be its only one."""
        return len(self.under_way) == depth and not any(task.is_suspect for task in self.under_way)

    def may_take(self, task: _Task) -> bool:
        """Whether the task may be added: a suspected one only alone, to an actor that lives."""
        if not task.is_suspect:
            return True
        is_alive = self.heard_at > task.died_at or time.monotonic() - task.died_at > _SETTLED_S
        return is_alive and not self.under_way


class Pool:
    """Gives tasks to actors, whichever is free.

    Args:
        cluster: where they are.
        start: makes an actor, without waiting for it.
        greet: what each is told first.
        accept: looks at its answer; what it raises ends the pool's work.
        size: how many actors.

    Example:
        pool = Pool(cluster, start=lambda: Actor.remote(), greet=setup, accept=checked, size=4)
        answer = pool.submit("read", task).result()
        pool.close()
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        start: Callable[[], Any],
        greet: bytes,
        accept: Callable[[bytes], None],
        size: int,
    ) -> None:
        self.size = size
        self._cluster = cluster
        self._start, self._greet, self._accept = start, greet, accept
        self._inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._urgent: deque[_Task] = deque()
        self._waiting: deque[_Task] = deque()
        self._hands: list[_Hand] = []
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._open: set[_Task] = set()
        self._n_deaths_in_a_row = 0
        self._heard = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="ragkit-ray-pool", daemon=True)
        self._thread.start()
        self._watch = Watch(cluster, self._end)

    def submit(
        self, method: str, payload: bytes, *, is_urgent: bool = False, tries: int = TRIES
    ) -> Future[bytes]:
        """Has a method of an actor called; the answer is a future.

        Args:
            method: of the actor; takes and gives bytes.
            payload: what it is given.
            is_urgent: before all that is not.
            tries: how many actors may die of it. Its future then raises `WorkerDiedError`.
        """
        task = _Task(method, payload, tries)
        with self._lock:
            if self._error is not None:
                task.answer.set_exception(self._error)
                return task.answer
            self._open.add(task)
        self._inbox.put(("task", task, is_urgent))
        return task.answer

    def close(self) -> None:
        """Ends the actors; tasks that are not done raise `StoppedWorkError`."""
        self._end(StoppedWorkError())
        self._watch.close()
        self._inbox.put(("close",))
        # It may be in a call of Ray that a cluster which is gone never answers.
        self._thread.join(_CLOSE_S)

    # --- in the pool's own thread -----------------------------------------------------------------

    def _run(self) -> None:
        try:
            for _ in range(self.size):
                self._hire()
            while self._error is None:
                try:
                    what, *rest = self._inbox.get(timeout=_LOOK_S)
                except queue.Empty:
                    self._look()
                    self._hand_out()
                    continue
                if what == "task":
                    task, is_urgent = rest
                    (self._urgent if is_urgent else self._waiting).append(task)
                elif what == "answer":
                    self._heard = time.monotonic()
                    self._answered(*rest)
                self._hand_out()
        except BaseException as e:
            self._end(e if isinstance(e, ClusterError) else self._told(e))
        finally:
            within(_DISMISS_S, self._dismiss)

    def _hire(self) -> None:
        hand = _Hand(self._start())
        self._hands.append(hand)
        self._give(hand, _Task("hello", self._greet, tries=1))

    def _give(self, hand: _Hand, task: _Task) -> None:
        hand.under_way.append(task)
        ref = getattr(hand.actor, task.method).remote(task.payload)
        ref.future().add_done_callback(lambda done: self._inbox.put(("answer", hand, task, done)))

    def _hand_out(self) -> None:
        for depth in range(_DEPTH):
            for hand in self._hands:
                if hand.is_ready and not hand.is_dead and hand.has_room(depth):
                    task = self._next(hand)
                    if task is not None:
                        self._give(hand, task)

    def _next(self, hand: _Hand) -> _Task | None:
        for waiting in (self._urgent, self._waiting):
            shunned: list[_Task] = []
            while waiting:
                task = waiting.popleft()
                if task.answer.done():
                    continue
                if hand.may_take(task):
                    waiting.extendleft(reversed(shunned))
                    return task
                shunned.append(task)
            waiting.extend(shunned)
        return None

    def _answered(self, hand: _Hand, task: _Task, done: Future[bytes]) -> None:
        error = done.exception()
        if error is None:
            self._n_deaths_in_a_row = 0
            hand.heard_at = time.monotonic()
            if task in hand.under_way:
                hand.under_way.remove(task)
            if task.method == "hello":
                self._accept(done.result())
                hand.is_ready = True
            else:
                self._settle(task, done.result())
        elif not hand.is_dead:
            self._failed(hand, task, error)

    def _failed(self, hand: _Hand, task: _Task, error: BaseException) -> None:
        import ray.exceptions as known

        if isinstance(error, known.RayActorError | known.OutOfMemoryError | known.ObjectLostError):
            self._died(hand, error)
        elif isinstance(error, known.RayTaskError):
            raise ClusterError(
                f"a worker failed at {task.method}: {last_line(error)}. This is a mistake in ragkit or in "
                "what it was given: run it in this process to see it whole"
            )
        else:
            raise self._told(error)

    def _died(self, hand: _Hand, error: BaseException) -> None:
        hand.is_dead = True
        self._hands.remove(hand)
        self._kill(hand)
        self._n_deaths_in_a_row += 1
        said = last_words(error)
        if is_gone(self._cluster):
            raise self._cluster.gone(said)
        was_alone = len(hand.under_way) == 1
        for task in reversed(hand.under_way):
            if task.method == "hello" or task.answer.done():
                continue
            task.is_suspect, task.died_at = True, time.monotonic()
            task.deaths += was_alone
            if task.deaths >= task.tries:
                self._settle(task, WorkerDiedError(said))
            else:
                self._urgent.appendleft(task)
        if not hand.is_ready and self._n_deaths_in_a_row > 3 * self.size + 3:
            raise ClusterError(
                f"workers on the Ray cluster at {self._cluster.address} die as soon as they are started: "
                f"{said}. See the logs of Ray on its nodes ({self._cluster.logs})"
            )
        self._hire()

    def _look(self) -> None:
        """Nothing was heard for a while: was a worker ever there?"""
        is_waiting = bool(self._urgent or self._waiting)
        if is_waiting and not any(hand.is_ready for hand in self._hands):
            late = time.monotonic() - self._heard > _START_S
            if late:
                raise ClusterError(
                    f"no worker started within {_START_S:g} s on the Ray cluster at {self._cluster.address}: "
                    "all its slots are taken, or it has none of the kind that was asked for. See `ray "
                    "status`; wait until other work is done, or ask for fewer workers or GPUs"
                )

    def _told(self, error: BaseException) -> ClusterError:
        gone = self._cluster.gone(f"{type(error).__name__}: {last_words(error)}")
        gone.__cause__ = error
        return gone

    def _settle(self, task: _Task, result: bytes | BaseException) -> None:
        with self._lock:
            self._open.discard(task)
            if task.answer.done():
                return
            if isinstance(result, BaseException):
                task.answer.set_exception(result)
            else:
                task.answer.set_result(result)

    def _end(self, error: BaseException) -> None:
        with self._lock:
            if self._error is None:
                self._error = error
            left, self._open = self._open, set()
            for task in left:
                if not task.answer.done():
                    task.answer.set_exception(self._error)

    def _dismiss(self) -> None:
        for hand in self._hands:
            self._kill(hand)

    def _kill(self, hand: _Hand) -> None:
        try:
            self._cluster.ray.kill(hand.actor)
        except Exception:
            return  # it is dead, or the cluster is


def last_words(error: BaseException) -> str:
    """Of what a worker died, as far as Ray knows, in one line."""
    text = str(error)
    found = _DETAIL.search(text)
    line = (
        found[1]
        if found
        else next((part for part in text.splitlines() if part.strip()), type(error).__name__)
    )
    return " ".join(line.split())[:300]
