"""Many questions under way at once, their vectors worked out ahead in blocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import anyio

from ragkit.evaluation.dataset import Question
from ragkit.evaluation.runner.ask import Asked, Asker
from ragkit.graph.threads import in_thread

# The collection remembers the vectors of some 4,000 texts, sentences that stages embed included.
BLOCK = 32

Take = Callable[[Question, Asked], None]


async def asked_all(asker: Asker, questions: Sequence[Question], *, at_once: int, take: Take) -> None:
    """Asks all questions, `at_once` of them at any time.

    Args:
        asker: of the pipeline.
        questions: in the order in which they are begun.
        at_once: how many are under way.
        take: is given each outcome as soon as it is there, one at a time; what it raises ends the others.
    """
    flight = _Flight(asker, questions, take)
    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(min(at_once, len(questions))):
                tasks.start_soon(flight.work)
    except ExceptionGroup as group:
        # The first is the one that matters: the others were under way when it came.
        raise group.exceptions[0] from None


class _Flight:
    def __init__(self, asker: Asker, questions: Sequence[Question], take: Take) -> None:
        self._asker, self._take = asker, take
        self._waiting = deque(questions)
        self._ready: deque[Question] = deque()
        self._lock = anyio.Lock()

    async def work(self) -> None:
        """Asks one question after the other until there is none left."""
        while (question := await self._next()) is not None:
            self._take(question, await self._asker.ask(question))

    async def _next(self) -> Question | None:
        async with self._lock:
            if not self._ready and self._waiting:
                block = [self._waiting.popleft() for _ in range(min(BLOCK, len(self._waiting)))]
                await in_thread(self._asker.prepare, block)
                self._ready.extend(block)
            return self._ready.popleft() if self._ready else None
