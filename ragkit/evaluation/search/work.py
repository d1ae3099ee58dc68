"""Runs configurations and keeps what comes of it, so that nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ragkit.errors import EvalError, RagkitError
from ragkit.evaluation.search.evaluator import Block, Evaluator
from ragkit.evaluation.search.journal import Journal
from ragkit.evaluation.search.standing import Standing

Progress = Callable[[int, int, str], object]


@dataclass(slots=True)
class Work:
    """Runs configurations, each result once: what the journal has is not worked out again.

    Args:
        evaluator: does it.
        journal: keeps it.
        progress: is told of each result.
        ran: by question, the stages that some configuration was asked it with.
    """

    evaluator: Evaluator
    journal: Journal
    progress: Progress
    spent: int = 0
    started: float = field(default_factory=time.monotonic)
    done: int = 0
    fresh: int = 0
    ran: dict[str, set[str]] = field(default_factory=dict)

    def ask(self, standing: Standing, questions: Sequence[str]) -> None:
        """Asks a configuration some questions."""
        candidate = standing.candidate.id
        block = self.journal.block(candidate, questions)
        if block is None:
            block = self._asked(standing, questions)
            self.fresh += block.stage_runs
        self.spent += block.stage_runs
        for question in questions if block.stage_runs else ():
            self.ran.setdefault(question, set()).update(standing.candidate.stages)
        standing.add(block, len(questions))

    def _asked(self, standing: Standing, questions: Sequence[str]) -> Block:
        try:
            block = self.evaluator.evaluate(standing.candidate, questions)
        except EvalError:
            raise
        except RagkitError as e:
            # It cannot be opened: a model is not there, or a store. That is not kept, for it may be mended.
            return Block({}, failed=dict.fromkeys(questions, f"{type(e).__name__}: {e}"), stage_runs=0)
        # Not what was run: that is less where another search, or one that was killed, has filled the cache,
        # and the budget would then decide otherwise.
        runs = sum(len({*standing.candidate.stages} - self.ran.get(id_, set())) for id_ in questions)
        block = replace(block, stage_runs=runs)
        self.journal.put_block(standing.candidate.id, questions, block)
        return block

    def clock(self, standing: Standing, questions: Sequence[str]) -> None:
        """Times a configuration on some questions."""
        candidate = standing.candidate.id
        seconds = self.journal.seconds(candidate, questions)
        if seconds is None:
            seconds = self._clocked(standing, questions)
            self.fresh += len(questions) * len(standing.candidate.stages)
        self.spent += len(questions) * len(standing.candidate.stages)
        standing.seconds.update(seconds)

    def _clocked(self, standing: Standing, questions: Sequence[str]) -> dict[str, float]:
        try:
            seconds = dict(self.evaluator.seconds(standing.candidate, questions))
        except EvalError:
            raise
        except RagkitError:
            return {}  # what is wrong is told when it is asked
        self.journal.put_seconds(standing.candidate.id, questions, seconds)
        return seconds
