"""What runs configurations for a search: all that the search knows of pipelines, data sets and measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ragkit.evaluation.search.grid import Candidate


@dataclass(frozen=True, slots=True)
class Block:
    """What one configuration made of some questions.

    Args:
        values: by measure, then question. A question that a measure says nothing about is left out.
        failed: by question that ended in an error, what it said.
        stage_runs: how many times a stage was run for it; what was known before is not counted.

    >>> Block({"RR@10": {"q1": 0.5}}, stage_runs=6).failed
    {}
    """

    values: Mapping[str, Mapping[str, float]]
    failed: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    stage_runs: int = field(kw_only=True)


class Evaluator(Protocol):
    """Runs configurations and measures them."""

    def evaluate(self, candidate: Candidate, questions: Sequence[str]) -> Block:
        """The values of a configuration on some questions, in every measure of the objectives.

        A stage that another configuration has run in the same way on the same question need not run again.
        """
        ...

    def seconds(self, candidate: Candidate, questions: Sequence[str]) -> Mapping[str, float]:
        """How long each question takes, asked alone, one after another, nothing taken from before.

        A question that ends in an error is left out.
        """
        ...
