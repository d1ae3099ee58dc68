"""`retrieve/llamaindex`: a retriever or an index of LlamaIndex as one more retriever of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from ragkit.errors import StoreError
from ragkit.graph.stage import stage
from ragkit.graph.threads import in_thread
from ragkit.types import Query
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.bridge.placed import Elsewhere
from ragkit_connectors.bridge.searching import ForeignRetrieve, Found, by_rank
from ragkit_connectors.llamaindex.offering import searching


@stage("retrieve/llamaindex")
class LlamaIndexRetrieve(ForeignRetrieve):
    """Searches with a retriever or an index of LlamaIndex that holds the same documents.

    What it finds is looked for in the collection: the chunks that hold the same text become the hits, under
    the question's tenant, groups and filter, so that every citation can be checked. What the collection does
    not hold is left out, and the trace counts it.

    Where the collection has tenants, `tenant_field` must say by which metadata the other side keeps them
    apart: an index is asked with a filter on it, and what comes back is checked. A vector store by itself
    has no embedding model: give `VectorStoreIndex.from_vector_store(store, embed_model=…)`.

    Example:
        LlamaIndexRetrieve(source=VectorStoreIndex.from_documents(documents), k=20)
    """

    class Config(ForeignRetrieve.Config):
        offered: ClassVar[Offered] = searching
        name: str = Field("llamaindex", min_length=1, description="What fusion's weights call it.")

    config: Config
    takes_filter = "index"

    def can_filter(self) -> bool:
        """Whether it is an index."""
        return hasattr(self._source, "as_retriever")

    async def found(self, query: Query, tenant: str | None) -> Sequence[Found]:
        """The nodes that LlamaIndex finds."""
        nodes = await _retrieved(self._retriever(tenant), query.text)
        return [self._one(node, by_rank(i, self.config.k)) for i, node in enumerate(nodes[: self.config.k])]

    def _retriever(self, tenant: str | None) -> Any:
        if not self.can_filter():
            return self._source
        from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

        options: dict[str, Any] = {"similarity_top_k": self.config.k}
        if tenant is not None:
            wanted = MetadataFilter(key=str(self.config.tenant_field), value=tenant)
            options["filters"] = MetadataFilters(filters=[wanted])
        return self._source.as_retriever(**options)

    def _one(self, found: Any, ranked: float) -> Found:
        node, score = found.node, ranked
        if self.config.scores == "relevance":
            if found.score is None:
                raise StoreError(
                    f"{type(self._source).__name__} gives no scores. Set scores: rank on retrieve/llamaindex"
                )
            score = float(found.score)
        passage = Elsewhere.of(node.get_content(), id=node.node_id, metadata=node.metadata)
        return Found(passage, score, node.metadata.get(self.config.tenant_field))


async def _retrieved(retriever: Any, text: str) -> list[Any]:
    """What a retriever finds, in a thread where its async way is only its blocking one."""
    from llama_index.core.base.base_retriever import BaseRetriever

    if type(retriever)._aretrieve is BaseRetriever._aretrieve:
        blocking: list[Any] = await in_thread(retriever.retrieve, text)
        return blocking
    found: list[Any] = await retriever.aretrieve(text)
    return found
