"""What is to be measured: pipelines on datasets by measures, and when the result is not good enough."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.app import Retriever
from ragkit.config.spec import Config
from ragkit.evaluation.judges import GivenMetric, Judges
from ragkit.evaluation.rule import Rule
from ragkit.evaluation.runner.pipeline import Corpus

DEFAULT_METRICS = ("nDCG@10", "R@100", "RR@10")
NAME = re.compile(r"[^\W_][\w.+-]{0,63}")
NAME_EXPECTED = "expected at most 64 letters, digits, _ . + and -, a letter or digit first"


@dataclass(frozen=True, slots=True)
class DataSource:
    """A dataset of a suite: a manifest, or a folder in BEIR layout.

    Args:
        path: the manifest (`.yaml`) or the folder.
        name: what to call it; else the manifest's or the folder's name.
        split: the judgements to take; else the manifest's, or `test`.
        sample: about so many of its questions, evenly spread; all where None.
        metrics: what to measure on it; the suite's where None.
        where: `suite.yaml:4`, for messages.

    >>> DataSource(Path("datasets/scifact.yaml")).is_manifest
    True
    """

    path: Path
    name: str | None = field(default=None, kw_only=True)
    split: str | None = field(default=None, kw_only=True)
    sample: int | None = field(default=None, kw_only=True)
    metrics: tuple[GivenMetric, ...] | None = field(default=None, kw_only=True)
    where: str = field(default="", kw_only=True, compare=False)

    @property
    def is_manifest(self) -> bool:
        """Whether it is the file that describes a dataset; else it is the dataset's folder."""
        return self.path.suffix in (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class PipelineSource:
    """A pipeline of a suite.

    Args:
        config: its configuration, overrides included.
        retriever: one arm alone, both fused, or all of the graph.
        answers: whether the whole graph runs; where None it does on the datasets on which a measure needs a
            reply, if `retriever` is `full`.
        depth: how many passages are ranked.
        corpus, tenant, acl, filter: see `runner.pipeline.Pipeline`.
        is_gated: whether the suite's rules look at it.
        where: for messages.
    """

    config: Config = field(kw_only=True, repr=False)
    retriever: Retriever = field(default="full", kw_only=True)
    answers: bool | None = field(default=None, kw_only=True)
    depth: int = field(default=100, kw_only=True)
    corpus: Corpus = field(default="dataset", kw_only=True)
    tenant: str | None = field(default=None, kw_only=True)
    acl: tuple[str, ...] | None = field(default=None, kw_only=True)
    filter: Mapping[str, Any] | None = field(default=None, kw_only=True)
    is_gated: bool = field(default=True, kw_only=True)
    where: str = field(default="", kw_only=True, compare=False)

    def describe(self) -> dict[str, Any]:
        """All that decides what it finds, without secrets: of stores only an index that is asked as it is."""
        config = self.config.describe()
        if self.corpus != "own":
            del config["stores"]
        return {
            "retriever": self.retriever,
            "answers": self.answers,
            "depth": self.depth,
            "corpus": self.corpus,
            "tenant": self.tenant,
            "acl": None if self.acl is None else list(self.acl),
            "filter": None if self.filter is None else dict(self.filter),
            "config": config,
        }


@dataclass(frozen=True, slots=True)
class Suite:
    """What is to be measured, made by `load_suite` or in Python.

    Args:
        name: of the suite, and of its folder under `runs/`.
        data: the datasets; the first is the main one.
        pipelines: by name; the first is the main one.
        metrics: names as `nDCG@10`, or measures of your own.
        baseline: the pipeline that the others are compared with, or the file of an earlier run's figures;
            where None the first pipeline.
        rules: when the gate does not hold.
        judges: the models that judge answers, see `judges.Judges`.
        seed: of resampling and tests.
        concurrency: how many questions are asked at a time; chosen by the runner where None.
        timing_n: how many questions are asked again, alone, to take their time; 0 times none.
        max_error_rate: a run in which a larger share of the questions fails is an error.
        path: the file it was read from.

    >>> from ragkit.config.defaults import default_config
    >>> pipelines = {"default": PipelineSource(config=default_config())}
    >>> Suite("mine", data=(DataSource(Path("scifact")),), pipelines=pipelines).reference
    'default'
    """

    name: str
    data: tuple[DataSource, ...] = field(kw_only=True)
    pipelines: Mapping[str, PipelineSource] = field(kw_only=True)
    metrics: tuple[GivenMetric, ...] = field(default=DEFAULT_METRICS, kw_only=True)
    baseline: str | Path | None = field(default=None, kw_only=True)
    rules: tuple[Rule, ...] = field(default=(), kw_only=True)
    judges: Judges = field(default_factory=Judges, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    concurrency: int | None = field(default=None, kw_only=True)
    timing_n: int = field(default=50, kw_only=True)
    max_error_rate: float = field(default=0.05, kw_only=True)
    path: Path | None = field(default=None, kw_only=True)

    @property
    def reference(self) -> str:
        """The pipeline that the others are compared with."""
        return self.baseline if isinstance(self.baseline, str) else next(iter(self.pipelines))

    @property
    def baseline_file(self) -> Path | None:
        """The file of an earlier run's figures, where the suite names one."""
        return self.baseline if isinstance(self.baseline, Path) else None

    def describe(self) -> dict[str, Any]:
        """The suite as plain values, for the folder of its run: without secrets and without `where`."""
        return {
            "name": self.name,
            "data": [_described(source) for source in self.data],
            "pipelines": {name: source.describe() for name, source in self.pipelines.items()},
            "metrics": [name_of(metric) for metric in self.metrics],
            "baseline": None if self.baseline is None else Path(self.baseline).name,
            "fail_if": [{"metric": rule.metric, "rule": rule.written} for rule in self.rules],
            **({"judges": self.judges.describe()} if self.judges.models else {}),
            "seed": self.seed,
            "timing_n": self.timing_n,
            "max_error_rate": self.max_error_rate,
        }


def name_of(metric: GivenMetric) -> str:
    """What a measure is called."""
    return metric if isinstance(metric, str) else metric.name


def _described(source: DataSource) -> dict[str, Any]:
    own = {"split": source.split, "sample": source.sample, "name": source.name}
    described: dict[str, Any] = {
        "path": source.path.name,
        **{key: value for key, value in own.items() if value is not None},
    }
    if source.metrics is not None:
        described["metrics"] = [name_of(metric) for metric in source.metrics]
    return described
