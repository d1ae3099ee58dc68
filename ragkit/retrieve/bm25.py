"""`retrieve/bm25`: the best chunks by the words they share with the query."""

from __future__ import annotations

from pydantic import Field

from ragkit.arrays import HitBatch
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.types import ArmRanking, QueryPlan, Rankings


@stage("retrieve/bm25")
class Bm25Retrieve(Stage[QueryPlan, Rankings]):
    """Searches by words (stemmed, weighted by rarity), once for each query of the plan.

    >>> Bm25Retrieve(k=20).config.k
    20
    """

    class Config(Settings):
        k: int = Field(50, ge=1, le=10_000, description="Chunks to return for each query.")

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.inline = self.collection.is_fast

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        found = self.collection.bm25([query.text for query in plan.queries], self.config.k, plan)
        return Rankings(
            plan,
            tuple(
                ArmRanking(query, retriever="bm25", hits=hits, floor=self._floor(hits))
                for query, hits in zip(plan.queries, found, strict=True)
            ),
        )

    def _floor(self, hits: HitBatch) -> float:
        """What a chunk outside of the hits is taken to score: where there was room for more, it has no word
        of the query; else the next ones follow closely."""
        return float(hits.scores[-1]) if len(hits) >= self.config.k else 0.0
