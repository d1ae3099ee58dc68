"""`retrieve/langchain`: a retriever or vector store of LangChain as one more retriever of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from ragkit.errors import StoreError
from ragkit.graph.stage import stage
from ragkit.types import Query
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.bridge.placed import Elsewhere
from ragkit_connectors.bridge.searching import ForeignRetrieve, Found, by_rank
from ragkit_connectors.langchain.offering import searching


@stage("retrieve/langchain")
class LangChainRetrieve(ForeignRetrieve):
    """Searches with a retriever or a vector store of LangChain that holds the same documents.

    What it finds is looked for in the collection: the chunks that hold the same text become the hits, under
    the question's tenant, groups and filter, so that every citation can be checked. What the collection does
    not hold is left out, and the trace counts it.

    Where the collection has tenants, `tenant_field` must say by which metadata the other side keeps them
    apart: a vector store is asked with a filter on it, and what comes back is checked.

    Example:
        LangChainRetrieve(source=vector_store, k=20)
    """

    class Config(ForeignRetrieve.Config):
        offered: ClassVar[Offered] = searching
        name: str = Field("langchain", min_length=1, description="What fusion's weights call it.")

    config: Config
    takes_filter = "vector store"

    def can_filter(self) -> bool:
        """Whether it is a vector store."""
        return hasattr(self._source, "similarity_search")

    async def found(self, query: Query, tenant: str | None) -> Sequence[Found]:
        """The documents that LangChain finds."""
        source, k = self._source, self.config.k
        if not self.can_filter():
            return self._ranked((await source.ainvoke(query.text))[:k])
        options: dict[str, Any] = {}
        if tenant is not None:
            options["filter"] = {self.config.tenant_field: tenant}
        if self.config.scores == "rank":
            return self._ranked(await source.asimilarity_search(query.text, k=k, **options))
        try:
            pairs = await source.asimilarity_search_with_relevance_scores(query.text, k=k, **options)
        except NotImplementedError as e:
            raise StoreError(
                f"{type(source).__name__} has no relevance scores. Set scores: rank on retrieve/langchain"
            ) from e
        return [self._one(document, float(score)) for document, score in pairs]

    def _ranked(self, documents: Sequence[Any]) -> list[Found]:
        return [self._one(document, by_rank(i, self.config.k)) for i, document in enumerate(documents)]

    def _one(self, document: Any, score: float) -> Found:
        passage = Elsewhere.of(document.page_content, id=document.id, metadata=document.metadata)
        return Found(passage, score, document.metadata.get(self.config.tenant_field))
