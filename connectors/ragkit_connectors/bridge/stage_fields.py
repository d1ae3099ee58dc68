"""The settings of what runs one stage of ragkit beside a graph, in the classes of other libraries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ragkit.protocols import Reranker
from ragkit_connectors.bridge.beside import Beside
from ragkit_connectors.bridge.holding import HeldRag, HoldsRag
from ragkit_connectors.bridge.ordered import reranker_of
from ragkit_connectors.bridge.reader import Reader


class Reranking(BaseModel):
    """What every reranker has: a model, and how many it keeps."""

    model_config = ConfigDict(arbitrary_types_allowed=True, ignored_types=(cached_property,))
    model: Any = "rerank/bundled"
    settings: Mapping[str, Any] = Field(default_factory=dict)
    k: int | None = Field(default=None, ge=1)

    @cached_property
    def _reranker(self) -> Reranker:
        return reranker_of(self.model, self.settings)


class Compressing(HoldsRag, BaseModel):
    """What every compressor has: a RAG, a budget or another stage, and for whom."""

    model_config = ConfigDict(arbitrary_types_allowed=True, ignored_types=(cached_property,))
    rag: HeldRag
    budget_tokens: int = Field(default=1800, ge=1)
    stage: str = "compress/extractive"
    settings: Mapping[str, Any] | None = None
    tenant: str | None = None
    acl: tuple[str, ...] | None = None

    @cached_property
    def _beside(self) -> Beside:
        settings = {"budget_tokens": self.budget_tokens} if self.settings is None else self.settings
        return Beside(self.rag, self.stage, settings, Reader(self.tenant, self.acl))


class Checking(HoldsRag, BaseModel):
    """What every check of citations has: a RAG, the settings of `verify/citations`, and for whom."""

    model_config = ConfigDict(arbitrary_types_allowed=True, ignored_types=(cached_property,))
    rag: HeldRag
    settings: Mapping[str, Any] = Field(default_factory=dict)
    tenant: str | None = None
    acl: tuple[str, ...] | None = None

    @cached_property
    def _beside(self) -> Beside:
        return Beside(self.rag, "verify/citations", self.settings, Reader(self.tenant, self.acl))
