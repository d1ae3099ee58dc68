"""`retrieve/langchain`: a retriever or vector store of LangChain as one more retriever of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from ragkit.arrays import HitBatch
from ragkit.errors import StoreError, TenantError
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.graph.threads import in_thread
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.types import ArmRanking, Query, QueryPlan, Rankings
from ragkit_connectors.bridge.placed import Elsewhere, placed
from ragkit_connectors.langchain.offering import searching


@stage("retrieve/langchain")
class LangChainRetrieve(Stage[QueryPlan, Rankings]):
    """Searches with a retriever or a vector store of LangChain that holds the same documents.

    What it finds is looked for in the collection: the chunks that hold the same text become the hits, under
    the question's tenant, groups and filter, so that every citation can be checked. What the collection does
    not hold is left out, and the trace counts it.

    Where the collection has tenants, `tenant_field` must say by which metadata the other side keeps them
    apart: a vector store is asked with a filter on it, and what comes back is checked.

    Example:
        LangChainRetrieve(source=vector_store, k=20)
    """

    class Config(Settings):
        source: Any = Field(
            description="A retriever or vector store; in a file the name that one is offered under."
        )
        k: int = Field(20, ge=1, le=1000, description="Documents to take for each query.")
        name: str = Field("langchain", min_length=1, description="What fusion's weights call it.")
        scores: Literal["rank", "relevance"] = Field(
            "rank", description="rank: by place; relevance: what a vector store says, from 0 to 1."
        )
        tenant_field: str | None = Field(
            None, min_length=1, description="Metadata that holds the tenant on the other side."
        )

        @field_validator("source")
        @classmethod
        def _is_one(cls, source: Any) -> Any:
            searching.found(source)
            return source

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self._source = searching.found(self.config.source)

    async def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        self._check_tenant(plan)
        arms: list[ArmRanking] = []
        n_unknown = 0
        for query in plan.queries:
            found = [pair for pair in await self._found(query, plan) if self._is_of(plan, pair[0])]
            elsewhere = [Elsewhere.of(d.page_content, id=d.id, metadata=d.metadata) for d, _ in found]
            places = await in_thread(placed, elsewhere, self.collection, plan)
            n_unknown += sum(not ids for ids in places)
            hits = _hits(places, [score for _, score in found])
            arms.append(ArmRanking(query, retriever=self.config.name, hits=hits))
        if n_unknown:
            ctx.note(not_in_collection=n_unknown)
        return Rankings(plan, tuple(arms))

    def _check_tenant(self, plan: QueryPlan) -> None:
        if "tenant" not in self.collection.fields:
            return
        if self.config.tenant_field is None:
            raise TenantError(
                "retrieve/langchain: this collection keeps tenants apart, and the source would be searched "
                "over all of them. Name the metadata by which it keeps them apart: tenant_field: …"
            )
        if not hasattr(self._source, "similarity_search"):
            raise TenantError(
                "retrieve/langchain: a retriever cannot be told the tenant. Give the vector store itself"
            )

    async def _found(self, query: Query, plan: QueryPlan) -> list[tuple[Any, float]]:
        source, k = self._source, self.config.k
        if not hasattr(source, "similarity_search"):
            documents: Sequence[Any] = await source.ainvoke(query.text)
            return [(document, _by_rank(i, k)) for i, document in enumerate(documents[:k])]
        options: dict[str, Any] = {}
        if self.config.tenant_field is not None and plan.tenant is not None:
            options["filter"] = {self.config.tenant_field: plan.tenant}
        if self.config.scores == "relevance":
            try:
                pairs = await source.asimilarity_search_with_relevance_scores(query.text, k=k, **options)
            except NotImplementedError as e:
                raise StoreError(
                    f"{type(source).__name__} has no relevance scores. Set scores: rank on retrieve/langchain"
                ) from e
            return [(document, float(score)) for document, score in pairs]
        documents = await source.asimilarity_search(query.text, k=k, **options)
        return [(document, _by_rank(i, k)) for i, document in enumerate(documents)]

    def _is_of(self, plan: QueryPlan, document: Any) -> bool:
        field = self.config.tenant_field
        return field is None or plan.tenant is None or document.metadata.get(field) == plan.tenant


def _by_rank(i: int, k: int) -> float:
    """From 1 for the first to nearly 0 for the k-th."""
    return max(0.0, 1.0 - i / k)


def _hits(places: Sequence[Sequence[str]], scores: Sequence[float]) -> HitBatch:
    """Each chunk once, with the best score that a passage in it has."""
    best: dict[str, float] = {}
    for ids, score in zip(places, scores, strict=True):
        for id_ in ids:
            best[id_] = max(score, best.get(id_, score))
    return HitBatch.of(best.items()) if best else HitBatch.empty()
