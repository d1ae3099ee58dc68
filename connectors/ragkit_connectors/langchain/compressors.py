"""`RagkitReranker` and `RagkitCompressor`: stages of ragkit on documents of LangChain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document

from ragkit_connectors.bridge.ordered import ordered
from ragkit_connectors.bridge.stage_fields import Compressing, Reranking
from ragkit_connectors.langchain.check import held


class RagkitReranker(Reranking, BaseDocumentCompressor):
    """Orders documents by a reranker of ragkit; each gets its `rerank_score` as metadata.

    Args:
        model: a registered name (`rerank/bundled`, `rerank/cross-encoder` …) or a reranker.
        settings: settings of a model that is named.
        k: documents to keep; None keeps all.

    Example:
        ContextualCompressionRetriever(base_compressor=RagkitReranker(k=4), base_retriever=retriever)
    """

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> list[Document]:
        """The best documents, score descending, then as they were.

        Raises:
            ModelError: the model cannot be loaded, or gave NaN.
        """
        texts = [document.page_content for document in documents]
        best = ordered(self._reranker, query, texts, self.k) if texts else []
        return [_with(documents[i], rerank_score=score) for i, score in best]


class RagkitCompressor(Compressing, BaseDocumentCompressor):
    """Keeps of documents the sentences that bear on the question, word for word, within a budget.

    A document's text becomes what is kept, with ` … ` between, and its `keep` says where that stands in its
    source, so that it can still be cited.

    Args:
        rag: whose models and collection weigh words.
        budget_tokens: tokens (estimated) for all documents together.
        stage: the registered name of another stage of the role `compress`, with its `settings`.
        tenant, acl: for whom.

    Example:
        RagkitCompressor(rag=rag, budget_tokens=600).compress_documents(documents, "How long?")
    """

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> list[Document]:
        """What is kept of the documents, in their order.

        Raises:
            QueryError: a document says that it stands where the collection has another text.
        """
        left = self._beside.context(held(documents), query) if documents else []
        return [
            _with(documents[i], passage.text, keep=[[s.start, s.end] for s in passage.keep])
            for i, passage in left
        ]


def _with(document: Document, text: str | None = None, **metadata: Any) -> Document:
    return Document(
        page_content=document.page_content if text is None else text,
        metadata={**document.metadata, **metadata},
        id=document.id,
    )
