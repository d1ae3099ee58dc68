"""What another library finds, as one more ranking of the graph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from ragkit.arrays import HitBatch
from ragkit.errors import TenantError
from ragkit.graph.stage import RunContext, Stage
from ragkit.graph.threads import in_thread
from ragkit.protocols import Collection, Resources
from ragkit.types import ArmRanking, Query, QueryPlan, Rankings
from ragkit_connectors.bridge.chosen import Choosing
from ragkit_connectors.bridge.placed import Elsewhere, placed


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that another library found, with its score and the tenant that it says it is of."""

    passage: Elsewhere
    score: float
    tenant: Any


class ForeignRetrieve(Stage[QueryPlan, Rankings]):
    """What the retrievers of all other libraries do: their passages become chunks of the collection.

    Where the collection has tenants, the other side must keep them apart too, or the stage refuses to search.
    """

    class Config(Choosing):
        source: Any = Field(description="What searches there; in a file the name that it is offered under.")
        k: int = Field(20, ge=1, le=1000, description="Passages to take for each query.")
        name: str = Field(min_length=1, description="What fusion's weights call it.")
        scores: Literal["rank", "relevance"] = Field(
            "rank", description="rank: by place; relevance: what the other side says."
        )
        tenant_field: str | None = Field(
            None, min_length=1, description="Metadata that holds the tenant on the other side."
        )

    config: Config
    collection: Collection
    takes_filter: ClassVar[str]
    """The kind of source that can be told the tenant, for the error of one that cannot."""

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self._source = self.config.chosen

    @abstractmethod
    def can_filter(self) -> bool:
        """Whether the source can be told the tenant."""

    @abstractmethod
    async def found(self, query: Query, tenant: str | None) -> Sequence[Found]:
        """At most `k` passages, best first.

        Args:
            query: what is searched for.
            tenant: whose; to be told to the source by `tenant_field`. None where that is not set.
        """

    async def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        self._check_tenant()
        tenant = None if self.config.tenant_field is None else plan.tenant
        arms: list[ArmRanking] = []
        n_unknown = 0
        for query in plan.queries:
            found = await self.found(query, tenant)
            # What was asked for is checked: a wrongly set up store gives what it should not.
            found = [one for one in found if tenant is None or one.tenant == tenant]
            places = await in_thread(placed, [one.passage for one in found], self.collection, plan)
            n_unknown += sum(not ids for ids in places)
            hits = _hits(places, [one.score for one in found])
            arms.append(ArmRanking(query, retriever=self.config.name, hits=hits))
        if n_unknown:
            ctx.note(not_in_collection=n_unknown)
        return Rankings(plan, tuple(arms))

    def _check_tenant(self) -> None:
        if "tenant" not in self.collection.fields:
            return
        if self.config.tenant_field is None:
            raise TenantError(
                f"{self.use}: this collection keeps tenants apart, and the source would be searched "
                "over all of them. Name the metadata by which it keeps them apart: tenant_field: …"
            )
        if not self.can_filter():
            raise TenantError(
                f"{self.use}: a retriever cannot be told the tenant. Give the {self.takes_filter} itself"
            )


def by_rank(i: int, k: int) -> float:
    """A score of the place alone: from 1 for the first to nearly 0 for the k-th."""
    return max(0.0, 1.0 - i / k)


def _hits(places: Sequence[Sequence[str]], scores: Sequence[float]) -> HitBatch:
    """Each chunk once, with the best score that a passage in it has."""
    best: dict[str, float] = {}
    for ids, score in zip(places, scores, strict=True):
        for id_ in ids:
            best[id_] = max(score, best.get(id_, score))
    return HitBatch.of(best.items()) if best else HitBatch.empty()
