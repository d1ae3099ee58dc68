"""`RagkitRetriever`: the passages of a RAG for an app of LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from ragkit.types import Hit, Ranking
from ragkit_connectors.bridge.holding import HeldRag, HoldsRag
from ragkit_connectors.bridge.reader import Reader
from ragkit_connectors.bridge.told import hit_values
from ragkit_connectors.langchain.asking import asked_in


class RagkitRetriever(HoldsRag, BaseRetriever):
    """Retrieves as the RAG does, with all its stages before the context.

    A document's text is the passage, its metadata that of its source with `id`, `document_id`, `uri`,
    `start`, `end`, `page`, `heading`, `lang`, `score` and `scores`. What of the source's own metadata has one
    of these names stands under `own`.

    `k`, `filter`, `tenant` and `acl` may be given to a call, the last three in `config["configurable"]` too.
    A call's filter is joined to the fixed one; a tenant and groups that are fixed stay.

    Example:
        RagkitRetriever(rag=ragkit.open("index"), k=5).invoke("How long is the warranty?")
    """

    rag: HeldRag
    k: int = Field(default=10, ge=1, le=10_000)
    retriever: Literal["full", "hybrid", "dense", "bm25"] = "full"
    tenant: str | None = None
    acl: tuple[str, ...] | None = None
    filter: Mapping[str, Any] | None = None

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:  # noqa: A002
        """The documents, best first."""
        found: list[Document] = super().invoke(input, config, **{**asked_in(config), **kwargs})
        return found

    async def ainvoke(
        self,
        input: str,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """The documents, best first."""
        found: list[Document] = await super().ainvoke(input, config, **{**asked_in(config), **kwargs})
        return found

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **asked: Any
    ) -> list[Document]:
        return _documents(self.rag.retrieve(query, **self._keywords(asked)))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **asked: Any
    ) -> list[Document]:
        return _documents(await self.rag.aretrieve(query, **self._keywords(asked)))

    def _keywords(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        reader = Reader(self.tenant, self.acl, self.filter).narrowed(asked)
        return {"k": asked.get("k", self.k), "retriever": self.retriever, **reader.keywords()}


def _documents(ranking: Ranking) -> list[Document]:
    return [document_of(hit) for hit in ranking.hits]


def document_of(hit: Hit) -> Document:
    """A hit as a document of LangChain; its id is the chunk's."""
    return Document(page_content=hit.chunk.text, metadata=hit_values(hit), id=hit.chunk.id)
