"""The keys of a suite's YAML, with their types and defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ragkit.app import Retriever
from ragkit.evaluation.runner.pipeline import Corpus
from ragkit.evaluation.suite import DEFAULT_METRICS, NAME
from ragkit.settings import Settings
from ragkit.store.arguments import MAX_K


class DataKeys(Settings):
    """An entry of `data:`.

    >>> DataKeys(folder=Path("mine")).metrics is None
    True
    """

    manifest: Path | None = None
    folder: Path | None = None
    name: str | None = Field(default=None, pattern=f"^{NAME.pattern}$")
    split: str | None = None
    sample: int | None = Field(default=None, ge=1)
    metrics: list[str] | None = Field(default=None, min_length=1)


class PipelineKeys(Settings):
    """An entry of `pipelines:`.

    >>> PipelineKeys(retriever="bm25").depth
    100
    """

    config: Path | None = None
    overrides: dict[str, Any] = Field(default_factory=dict, alias="set")
    retriever: Retriever = "full"
    answers: bool | None = None
    depth: int = Field(default=100, ge=1, le=MAX_K)
    corpus: Corpus = "dataset"
    tenant: str | None = None
    acl: list[str] | None = None
    filter: dict[str, Any] | None = None
    gate: bool = True


class SuiteKeys(Settings):
    """The whole file; what is `Any` is read entry by entry.

    >>> SuiteKeys(data=["mine"]).metrics
    ['nDCG@10', 'R@100', 'RR@10']
    """

    name: str = Field(default="", pattern=rf"^({NAME.pattern})?$")
    data: Any = None
    pipelines: Any = None
    metrics: list[str] = Field(default=list(DEFAULT_METRICS), min_length=1)
    baseline: str | None = None
    fail_if: Any = None
    models: Any = None
    judges: dict[str, dict[str, Any]] = Field(default_factory=dict)
    ragas: dict[Literal["model", "embed"], str] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0, lt=2**32)
    concurrency: int | None = Field(default=None, ge=1, le=256)
    timing_n: int = Field(default=50, ge=0)
    max_error_rate: float = Field(default=0.05, ge=0.0, le=1.0)
