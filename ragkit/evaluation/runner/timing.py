"""How long questions take: each asked alone, with nothing remembered of the one before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.outcome import Timing
from ragkit.evaluation.runner.journal import write_whole
from ragkit.evaluation.runner.opened import Opened
from ragkit.evaluation.runner.outcome_json import timing_line, timing_of
from ragkit.ingest.progress import Progress

TIMINGS = "timings.jsonl"


def spread(questions: Sequence[Question], n: int) -> list[Question]:
    """`n` of the questions, evenly spread; all where there are fewer.

    >>> [q.id for q in spread([Question(str(i), "?") for i in range(10)], 3)]
    ['0', '3', '6']
    """
    if n <= 0:
        return []
    return [questions[len(questions) * i // n] for i in range(n)] if n < len(questions) else list(questions)


async def timed(opened: Opened, questions: Sequence[Question], progress: Progress) -> dict[str, Timing]:
    """Times the questions one after the other; one that fails has no time.

    Vectors and sentences that the collection remembers are dropped before each question: those of earlier
    ones would make it look faster than a new question is. One is asked before the clock runs, so that
    loading is not timed.
    """
    timings: dict[str, Timing] = {}
    with suppress(Exception):
        if questions:
            await _time(opened, questions[0])
    for n, question in enumerate(questions):
        progress(n, len(questions), f"{opened.pipeline.name}: latency")
        with suppress(Exception):
            timings[question.id] = await _time(opened, question)
    return timings


async def _time(opened: Opened, question: Question) -> Timing:
    opened.collection.drop_caches()
    start = time.perf_counter()
    with opened.collection.held(opened.plan(question)) as plan:
        result = await opened.graph.run(plan)
    seconds = time.perf_counter() - start
    return Timing(question.id, seconds, nodes={node.node: node.duration_s for node in result.trace.nodes})


def write_timings(folder: Path, timings: Mapping[str, Timing]) -> None:
    """Writes them to their own file: nothing else of a run holds a time."""
    write_whole(folder / TIMINGS, "".join(map(timing_line, timings.values())))


def read_timings(folder: Path) -> dict[str, Timing]:
    """The timings of a run; none where it has not come to them.

    Raises:
        EvalError: the file is damaged.
    """
    path = folder / TIMINGS
    if not path.exists():
        return {}
    try:
        timings = [timing_of(line) for line in path.read_bytes().splitlines()]
    except OSError as e:
        raise EvalError(f"{path}: cannot be read: {e}") from e
    return {timing.question_id: timing for timing in timings}
