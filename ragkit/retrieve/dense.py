"""`retrieve/dense`: the nearest chunks by cosine similarity of their embeddings."""

from __future__ import annotations

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.types import ArmRanking, QueryPlan, Rankings


@stage("retrieve/dense")
class DenseRetrieve(Stage[QueryPlan, Rankings]):
    """Searches by meaning, once for each query of the plan.

    A query in a language that the embedder does not know gets `trust` 0: its ranking would be noise, and
    fusion leans on the other retrievers. The trace says so.

    >>> DenseRetrieve(k=20).config.k
    20
    """

    class Config(Settings):
        k: int = Field(50, ge=1, le=10_000, description="Chunks to return for each query.")

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        texts = [query.text for query in plan.queries]
        found = self.collection.dense(texts, self.config.k, plan)
        trust = [1.0 if self.collection.knows(text) else 0.0 for text in texts]
        if 0.0 in trust:
            ctx.note(
                trust=trust,
                why=f"{self.collection.embedder.name} was not trained on the language of this query",
            )
        return Rankings(
            plan,
            tuple(
                ArmRanking(
                    query,
                    retriever="dense",
                    hits=hits,
                    trust=t,
                    floor=float(hits.scores[-1]) if len(hits) else 0.0,
                )
                for query, hits, t in zip(plan.queries, found, trust, strict=True)
            ),
        )
