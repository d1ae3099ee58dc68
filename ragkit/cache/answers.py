"""The caches of answers around a graph: looked into before a run, filled after it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from threading import Lock

from ragkit.cache.flights import Flight, Flights, Landed
from ragkit.cache.key import Key, question_key, reader_key
from ragkit.cache.semantic import Asked, Questions, SemanticCache
from ragkit.cache.served import Hit, KeepTrace, served
from ragkit.cache.shelf import Shelf
from ragkit.cache.whole import is_whole, size_of
from ragkit.config.cache import CacheSettings
from ragkit.graph.threads import in_thread
from ragkit.types import Answer, QueryPlan

Make = Callable[[], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What the caches of answers hold, and how they were used since the index was opened.

    Args:
        result: questions answered by their very wording.
        semantic: questions answered by one that means the same.
        shared: questions that were asked while the same was being answered, and got that answer.
        missed: questions that took a run.
        entries: answers held now, those of both caches.
        bytes: what they take, about.
    """

    result: int = 0
    semantic: int = 0
    shared: int = 0
    missed: int = 0
    entries: int = 0
    bytes: int = 0

    def as_json(self) -> dict[str, int]:
        """The machine form."""
        return asdict(self)


class AnswerCache:
    """Gives an answer again to whoever asks the same of the same documents.

    It belongs to one open index and its graph: models, prompts and settings are fixed as long as it lives.
    All else that an answer depends on is in its key: tenant, groups, filter, the pinned commit, the turns
    before, the question. It holds answers of one commit only: with the first question at another one, all
    are let go.

    Args:
        settings: the section `cache:`.
        clock: in seconds, never going back.

    Example:
        cache = AnswerCache(config.cache)
        answer = await cache.answer(plan, collection, make=lambda: run(plan), keep_trace=traces.keep)
    """

    def __init__(self, settings: CacheSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        result, semantic = settings.result, settings.semantic
        self._is_on = settings.keeps_answers
        self._result: Shelf[Answer] | None = None
        if result is not None:
            self._result = Shelf(
                ttl_s=result.ttl_s, max_entries=result.max_entries, max_bytes=result.max_bytes, clock=clock
            )
        self._semantic = None if semantic is None else SemanticCache(semantic, clock=clock)
        self._flights = Flights[Answer]()
        self._lock = Lock()
        self._commit: int | None = None
        self._epoch = 0
        self._used = dict.fromkeys(("result", "semantic", "shared", "missed"), 0)

    async def answer(
        self, plan: QueryPlan, questions: Questions, *, make: Make, keep_trace: KeepTrace
    ) -> Answer:
        """The kept answer of a plan, or the one that is made for it.

        Of those who ask the same at once, one has it made, and the others wait for it. Where it fails or
        cannot be kept, each of them has its own made, as if there were no cache; where it is cancelled,
        another one takes its place.

        Args:
            plan: pinned to a commit.
            questions: the collection, which embeds questions.
            make: runs the graph.
            keep_trace: keeps the trace of a hit and gives its id.

        Raises what `make` raises.
        """
        if not self._is_on or plan.commit is None:
            return await make()
        start_s = time.perf_counter()
        call = _Call(plan, question_key(plan), self._turned_to(plan.commit))
        hit = self._by_question(call) or await self._by_meaning(call, questions)
        while hit is None:
            flight = self._flights.board(call.key)
            if flight.leads:
                # Who led before may have landed between the look and the boarding.
                hit = self._by_question(call)
                if hit is None:
                    return await self._led(flight, call, make)
                self._flights.land(call.key, flight, Landed(hit.answer))
                break
            landed = await flight.landed()
            if landed.value is not None:
                self._count("shared")
                return served(Hit(landed.value, "result", 0.0), plan, start_s, keep_trace)
            if landed.why == "unkept":
                self._count("missed")
                return await make()
        self._count(hit.by)
        return served(hit, plan, start_s, keep_trace)

    def clear(self) -> None:
        """Lets go of all answers, and of those that are being made once they are there."""
        with self._lock:
            self._let_go()

    def counts(self) -> CacheCounts:
        """What is held, and how it was used."""
        shelves = [shelf for shelf in (self._result, self._semantic) if shelf is not None]
        return CacheCounts(
            **self._used,
            entries=sum(len(shelf) for shelf in shelves),
            bytes=sum(shelf.n_bytes for shelf in shelves),
        )

    # --- inside -----------------------------------------------------------------------------------

    def _turned_to(self, commit: int) -> int:
        """The epoch of a commit; with another one than before a new one begins."""
        with self._lock:
            if commit != self._commit:
                self._commit = commit
                self._let_go()
            return self._epoch

    def _let_go(self) -> None:
        self._epoch += 1
        if self._result is not None:
            self._result.clear()
        if self._semantic is not None:
            self._semantic.clear()

    def _by_question(self, call: _Call) -> Hit | None:
        if self._result is None:
            return None
        kept = self._result.get(call.key)
        return None if kept is None else Hit(kept.value, "result", self._result.clock() - kept.since_s)

    async def _by_meaning(self, call: _Call, questions: Questions) -> Hit | None:
        semantic = self._semantic
        # What a question means in a conversation, its own words do not tell.
        if semantic is None or call.plan.history:
            return None
        reader = reader_key(call.plan)

        def look() -> tuple[Asked | None, Hit | None]:
            asked = semantic.read(call.plan.question, reader, questions)
            return asked, None if asked is None else semantic.find(asked)

        # A model embeds it, which an event loop must not wait for.
        call.asked, hit = await in_thread(look)
        return hit

    async def _led(self, flight: Flight[Answer], call: _Call, make: Make) -> Answer:
        landed: Landed[Answer] = Landed(None, "cancelled")
        self._count("missed")
        try:
            answer = await make()
            landed = Landed(answer) if is_whole(answer) else Landed(None, "unkept")
            if landed.value is not None:
                self._keep(call, answer)
            return answer
        except Exception:
            landed = Landed(None, "unkept")
            raise
        finally:
            self._flights.land(call.key, flight, landed)

    def _keep(self, call: _Call, answer: Answer) -> None:
        n_bytes = size_of(answer)
        with self._lock:
            # Since it was begun, something was forgotten or committed: nothing of before may come back.
            if self._epoch != call.epoch:
                return
            if self._result is not None:
                self._result.put(call.key, answer, n_bytes=n_bytes)
            # An abstention is no answer to another wording, by which more may be found.
            if self._semantic is not None and call.asked is not None and not answer.abstained:
                self._semantic.put(call.key, call.asked, answer, n_bytes=n_bytes)

    def _count(self, what: str) -> None:
        with self._lock:
            self._used[what] += 1


@dataclass(slots=True)
class _Call:
    """One question on its way: with its key, the epoch that it was begun in, and how it reads."""

    plan: QueryPlan
    key: Key
    epoch: int
    asked: Asked | None = field(default=None)
