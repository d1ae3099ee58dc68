"""The judges of a suite: chat models that score answers, and the metrics of other libraries.

models: {large: {use: llm/openai, base_url: "${LLM_URL}", model: qwen3-32b}}
judges: {correct: {model: large, rubric: correct}}
ragas:  {model: large}
metrics: [judge.correct, ragas.faithfulness]
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ragkit.assembly import Assembly
from ragkit.config.defaults import default_config
from ragkit.config.spec import Config
from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge.cache import ReplyCache
from ragkit.evaluation.judge.external import load_metric
from ragkit.evaluation.judge.metric import of_settings
from ragkit.evaluation.judge.verdict import Bill
from ragkit.evaluation.metrics.metric import Metric, RankedMetric, SetMetric
from ragkit.evaluation.metrics.resolve import resolve_metrics
from ragkit.graph.sync import run_sync
from ragkit.ingest.progress import Progress

GivenMetric = str | Metric | SetMetric | RankedMetric
JUDGE, RAGAS = "judge.", "ragas."


@runtime_checkable
class AskedFirst(Protocol):
    """A measure that asks a model about all cases at once, and is looked up after that."""

    @property
    def name(self) -> str:
        """Of the measure."""
        ...

    @property
    def bill(self) -> Bill:
        """What asking took."""
        ...

    async def asked(
        self, cases: Sequence[Case], cache: ReplyCache | None = None, *, progress: Any = None
    ) -> Metric:
        """The measure with its verdicts."""
        ...


@dataclass(frozen=True, slots=True)
class Judges:
    """What a suite says of its judges.

    Args:
        models: by name, as under `models:` of a `rag.yaml`.
        judges: by name, see `judge.metric.JudgeSettings`.
        ragas: `model` and `embed`: the names of what its metrics ask and embed with.
        folder: where the paths of rubrics start.

    >>> Judges().known
    ()
    """

    models: Mapping[str, Any] = field(default_factory=dict, kw_only=True, repr=False)
    judges: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, kw_only=True)
    ragas: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    folder: Path = field(default=Path(), kw_only=True)

    @property
    def known(self) -> tuple[str, ...]:
        """The names of its measures, those of other libraries aside."""
        return tuple(f"{JUDGE}{name}" for name in self.judges)

    def config(self) -> Config:
        """The models, checked, with the variables of the process; nothing is opened.

        Raises:
            ConfigError: one of them is mistaken.
        """
        overrides = {f"models.{name}": settings for name, settings in self.models.items()}
        return default_config(set=overrides, env=os.environ)

    def describe(self) -> dict[str, Any]:
        """The judges as plain values, secrets and variables left out."""
        models = self.config().models
        return {
            "models": {name: models[name].describe() for name in self.models},
            "judges": {name: dict(settings) for name, settings in self.judges.items()},
            "ragas": dict(self.ragas),
        }

    def metrics(self, names: Sequence[GivenMetric]) -> tuple[Metric | SetMetric, ...]:
        """The measures of these names, judges among them, in their order.

        Raises:
            ConfigError: a judge's settings or its model are mistaken.
            EvalError: there is no such measure or judge.
        """
        parts = Assembly(self.config(), create=False)
        return resolve_metrics([self._metric(name, parts) for name in names])

    def _metric(self, name: GivenMetric, parts: Assembly) -> GivenMetric:
        if isinstance(name, str) and name.startswith(JUDGE):
            key = name.removeprefix(JUDGE)
            if key not in self.judges:
                raise EvalError(
                    f"measure {name!r}: there is no such judge.{did_you_mean(key, self.judges)} "
                    f"Under judges: there is {', '.join(self.judges) or 'nothing'}"
                )
            return of_settings(key, self.judges[key], parts.chat_model, folder=self.folder)
        if isinstance(name, str) and name.startswith(RAGAS):
            model, embed = self.ragas.get("model"), self.ragas.get("embed")
            return load_metric(
                name,
                model=None if model is None else parts.chat_model(model),
                embedder=None if embed is None else parts.embedder(embed),
            )
        return name


def asked_first(
    metrics: Sequence[Metric | SetMetric], cases: Sequence[Case], cache: Path, told: Progress
) -> tuple[Metric | SetMetric, ...]:
    """The measures, those that ask a model with its verdicts on these cases.

    Replies are kept in `cache`: after a kill, and in another run, nothing is asked twice.

    Raises:
        ModelError: a model refuses the key. What else goes wrong is counted by the measure.
    """
    if not any(isinstance(metric, AskedFirst) for metric in metrics):
        return tuple(metrics)
    with ReplyCache(cache) as replies:
        return tuple(
            _asked(metric, cases, replies, told) if isinstance(metric, AskedFirst) else metric
            for metric in metrics
        )


def _asked(metric: AskedFirst, cases: Sequence[Case], replies: ReplyCache, told: Progress) -> Metric:
    def progress(done: int, total: int) -> None:
        told(done, total, metric.name)

    return run_sync(metric.asked(cases, replies, progress=progress))
