"""Configurations whose results are known, to race without running anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.search.evaluator import Block
from ragkit.evaluation.search.grid import Candidate, Grid


def grid_of(stages: Sequence[Sequence[str]], labels: Sequence[str] = (), *, baseline: int = 0) -> Grid:
    """A grid of configurations that are nothing but their stages' keys."""
    candidates = tuple(
        Candidate(
            f"c{n:03}",
            label=labels[n - 1] if labels else f"k={n}",
            choices=_choices(labels[n - 1]) if labels else {},
            config=cast(Any, None),
            document={},
            stages=tuple(keys),
        )
        for n, keys in enumerate(stages, start=1)
    )
    return Grid(candidates, baseline=candidates[baseline], combinations=len(candidates), checksum="recorded")


def _choices(label: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in label.split() if "=" in part)


class Recorded:
    """Gives recorded values, and counts the stages that a cache of stages would have had to run.

    Args:
        values: by measure, `[configurations, questions]`; NaN is a question that the measure leaves out.
        questions: their ids.
        times: seconds, `[configurations, questions]`.
        fails: ids of configurations that fail on every question.
    """

    def __init__(
        self,
        values: Mapping[str, NDArray[np.float64]],
        questions: Sequence[str],
        *,
        times: NDArray[np.float64] | None = None,
        fails: Sequence[str] = (),
    ) -> None:
        self.values = values
        self.places = {question: n for n, question in enumerate(questions)}
        self.times = times
        self.fails = fails
        self.known: set[tuple[str, str]] = set()
        self.calls: list[tuple[str, int]] = []

    def evaluate(self, candidate: Candidate, questions: Sequence[str]) -> Block:
        self.calls.append((candidate.id, len(questions)))
        if candidate.id in self.fails:
            return Block({}, failed=dict.fromkeys(questions, "ModelError: down"), stage_runs=0)
        wanted = {(key, question) for key in candidate.stages for question in questions}
        fresh = wanted - self.known
        self.known |= fresh
        row = int(candidate.id[1:]) - 1
        values = {
            metric: {
                question: float(table[row, self.places[question]])
                for question in questions
                if np.isfinite(table[row, self.places[question]])
            }
            for metric, table in self.values.items()
        }
        return Block(values, stage_runs=len(fresh))

    def seconds(self, candidate: Candidate, questions: Sequence[str]) -> Mapping[str, float]:
        assert self.times is not None
        row = int(candidate.id[1:]) - 1
        return {question: float(self.times[row, self.places[question]]) for question in questions}
