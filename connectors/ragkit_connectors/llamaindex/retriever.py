"""`RagkitRetriever`: the passages of a RAG for an app of LlamaIndex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle

from ragkit_connectors.llamaindex.asking import AsksRag
from ragkit_connectors.llamaindex.nodes import nodes_of


class RagkitRetriever(AsksRag, BaseRetriever):
    """Retrieves as the RAG does, with all its stages before the context.

    A node is a `TextNode`: `node_id` is the chunk's, `ref_doc_id` the document's, `start_char_idx` and
    `end_char_idx` count characters of the document, whose text there is the node's. Its metadata is that of
    the source with `id`, `document_id`, `uri`, `start`, `end`, `page`, `heading`, `lang`, `score` and
    `scores`; what of the source's own metadata has one of these names stands under `own`.

    Args:
        rag: what retrieves.
        k: nodes to give.
        retriever: the whole graph, or a part of it.
        tenant, acl: for whom; see `with_reader` for what a single call may add.
        filter: in ragkit's language, or `MetadataFilters`.
        callback_manager: LlamaIndex's.

    Example:
        RagkitRetriever(rag=ragkit.open("index"), k=5).retrieve("How long is the warranty?")
    """

    def __init__(
        self,
        rag: Any,
        *,
        k: int = 10,
        retriever: Literal["full", "hybrid", "dense", "bm25"] = "full",
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Any = None,  # noqa: A002
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self.hold(rag, tenant, acl, filter)
        self.k, self.retriever = k, retriever
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return nodes_of(self.rag.retrieve(query_bundle.query_str, **self._keywords()))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return nodes_of(await self.rag.aretrieve(query_bundle.query_str, **self._keywords()))

    def _keywords(self) -> dict[str, Any]:
        return {"k": self.k, "retriever": self.retriever, **self.reader.keywords()}
