"""Toy components under the names of the real ones, so that these tests need no model and no store."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, model_validator

from ragkit import registry
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.secrets import Secret
from ragkit.settings import EmbedderRef, NodeRef, RerankerRef, Settings
from ragkit.types import Answer, Context, QueryPlan, Ranking, Rankings


def _component(use: str, config: type[Settings] = Settings) -> Any:
    return type("Toy", (), {"use": use, "Config": config, "__doc__": f"The toy {use}."})


class _Remote(Settings):
    url: str
    api_key: Secret | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: float = Field(30.0, gt=0, le=600)
    batch: int | None = Field(None, ge=1)
    hosts: list[str] = Field(default_factory=list)


class _Local(Settings):
    path: Path = Path("index")
    index: Literal["index/exact", "index/faiss"] = "index/exact"
    sync: bool = True


class _Recursive(Settings):
    size: int = Field(350, ge=20, le=4000)
    overlap: int = Field(40, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> _Recursive:
        if self.overlap >= self.size:
            raise ValueError(f"overlap ({self.overlap}) must be less than size ({self.size})")
        return self


@stage("retrieve/dense")
class Dense(Stage[QueryPlan, Rankings]):
    """Nearest passages by meaning."""

    class Config(Settings):
        k: int = Field(50, ge=1, le=10_000, description="Chunks to return.")

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        return Rankings(plan, ())


@stage("retrieve/bm25")
class Bm25(Dense):
    """Best passages by words."""


@stage("query/route")
class Route(Stage[QueryPlan, QueryPlan]):
    """Sends a question one way or the other."""

    class Config(Settings):
        to: list[NodeRef] = Field(default_factory=list)
        models: list[EmbedderRef] = Field(default_factory=list)
        main: EmbedderRef | None = None

    def run(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        return plan


@stage("query/condense")
class Condense(Stage[QueryPlan, QueryPlan]):
    """A follow-up question with its subject."""

    def run(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        return plan


@stage("fuse/weighted")
class Weighted(Stage[Rankings, Ranking]):
    """One ranking out of several."""

    class Config(Settings):
        k: int = Field(10, ge=1)
        weights: dict[str, float] = Field(default_factory=dict)

    def run(self, rankings: Rankings, ctx: RunContext) -> Ranking:
        return Ranking(rankings.plan, ())


@stage("fuse/rrf")
class Rrf(Weighted):
    """Reciprocal rank fusion."""


@stage("rerank/model")
class Rerank(Stage[Ranking, Ranking]):
    """Reads question and passage together."""

    class Config(Settings):
        model: RerankerRef = Field(description="Name of a reranker.")
        k: int = Field(8, ge=1)

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        return ranking


@stage("rerank/mmr")
class Mmr(Stage[Ranking, Ranking]):
    """Different passages first."""

    class Config(Settings):
        k: int = Field(10, ge=1)
        diversity: float = Field(0.3, ge=0.0, le=1.0)

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        return ranking


@stage("compress/extractive")
class Compress(Stage[Context, Context]):
    """The sentences that matter."""

    class Config(Settings):
        budget_tokens: int = Field(1800, ge=1)

    def run(self, context: Context, ctx: RunContext) -> Context:
        return context


@stage("compress/dedupe")
class Dedupe(Compress):
    """Each passage once."""

    class Config(Settings):
        threshold: float = Field(0.85, gt=0.0, le=1.0)


@stage("generate/extractive")
class Generate(Stage[Context, Answer]):
    """Sentences of the passages."""

    class Config(Settings):
        max_sentences: int = Field(3, ge=1, le=20)
        language: str = "en"

    def run(self, context: Context, ctx: RunContext) -> Answer:
        return Answer(context.plan, text="")


@stage("verify/citations")
class Verify(Stage[Answer, Answer]):
    """What no citation bears out is left out."""

    class Config(Settings):
        on_unsupported: Literal["drop", "flag", "abstain"] = "drop"

    def run(self, answer: Answer, ctx: RunContext) -> Answer:
        return answer


TOYS: tuple[Any, ...] = (
    _component("embed/bundled"),
    _component("embed/remote", _Remote),
    _component("rerank/bundled"),
    _component("store/local", _Local),
    _component("chunk/recursive", _Recursive),
    *(Dense, Bm25, Route, Condense, Weighted, Rrf, Rerank, Mmr, Compress, Dedupe, Generate, Verify),
)
# A store whose package nobody has.
FAR = registry.Component("store/far", "toy_far:Far", "A store far away.", "far", "no_such_package_anywhere")
BROKEN = registry.Component("store/broken", "toy_no_such_module:Broken", "A store that is not there.")


def _add_far(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("toy_far")
    module.Far = _component("store/far", _Remote)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_far", module)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the toys."""
    monkeypatch.setattr(registry, "BUILT_IN", {FAR.name: FAR})
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(registry, "_third_party", dict)
    _add_far(monkeypatch)
    for toy in TOYS:
        registry.register(toy)


@pytest.fixture
def broken_store(toys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose module cannot be imported, beside the toys."""
    monkeypatch.setitem(registry.BUILT_IN, BROKEN.name, BROKEN)
