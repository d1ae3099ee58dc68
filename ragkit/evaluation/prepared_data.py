"""A dataset with what is asked of it and measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.metrics.metric import Metric, SetMetric
from ragkit.evaluation.runner.pipeline import Pipeline

Metrics = tuple[Metric | SetMetric, ...]
_OF_REPLIES = frozenset({"reply", "context"})


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A dataset with what is asked of it and measured on it.

    Args:
        data: the whole of it.
        checksum: of it.
        questions: the ids of those that are asked, in the dataset's order.
        pipelines: what is run on it, in the suite's order: whole where a measure needs replies.
        metrics: what is measured, replies included.
        facts: what a report says of it.
    """

    data: Dataset
    checksum: str
    questions: tuple[str, ...] = field(kw_only=True, repr=False)
    pipelines: tuple[Pipeline, ...] = field(kw_only=True)
    metrics: Metrics = field(kw_only=True)
    facts: Mapping[str, Any] = field(kw_only=True)

    def metrics_of(self, pipeline: Pipeline) -> Metrics:
        """What is measured of a pipeline: of one that only ranks, nothing that needs a reply."""
        if pipeline.answers:
            return self.metrics
        return tuple(metric for metric in self.metrics if not needs_reply(metric))


def needs_reply(metric: Metric | SetMetric) -> bool:
    """Whether only a pipeline that answers can be measured by it."""
    return bool(metric.needs & _OF_REPLIES)
