"""The questions of an evaluation over a pool of actors: each is answered once, whoever dies meanwhile."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import Future

from ragkit.evaluation.outcome import Outcome
from ragkit.evaluation.question import Question
from ragkit.evaluation.runner.ask import Asked
from ragkit.evaluation.runner.handed import Take, asked_of, question_row
from ragkit.evaluation.runner.outcome_json import outcome_line
from ragkit_connectors.ray.pool import TRIES, Pool, WorkerDiedError
from ragkit_connectors.ray.wire import pack, unpack

_BLOCK = 8


def ask_all(pool: Pool, questions: Sequence[Question], take: Take) -> None:
    """Asks all questions, in blocks; `take` is given each outcome as soon as it is there, in this thread.

    A question that its workers die of has that as its error, as one that fails has.
    """
    done: queue.SimpleQueue[tuple[list[Question], Future[bytes]]] = queue.SimpleQueue()

    def begin(block: list[Question]) -> None:
        tries = 1 if len(block) > 1 else TRIES
        task = pack([question_row(question) for question in block])
        answer = pool.submit("ask", task, tries=tries)
        answer.add_done_callback(lambda answer: done.put((block, answer)))

    left = len(questions)
    for start in range(0, len(questions), _BLOCK):
        begin(list(questions[start : start + _BLOCK]))
    while left:
        block, answer = done.get()
        try:
            found = [asked_of(one) for one in unpack(answer.result())[0]]
        except WorkerDiedError as e:
            if len(block) > 1:
                for question in block:
                    begin([question])
                continue
            found = [_died(block[0], e)]
        for question, asked in zip(block, found, strict=True):
            take(question, asked)
            left -= 1


def _died(question: Question, error: WorkerDiedError) -> Asked:
    outcome = Outcome(
        question.id, error=f"WorkerDiedError: each of {TRIES} workers that were asked it died: {error}"
    )
    return Asked(outcome, line=outcome_line(outcome))
