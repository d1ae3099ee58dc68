"""`retrieve/dense`: the nearest chunks by cosine similarity of their embeddings."""

from __future__ import annotations

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.romanise import romanised
from ragkit.types import ArmRanking, QueryPlan, Rankings


@stage("retrieve/dense")
class DenseRetrieve(Stage[QueryPlan, Rankings]):
    """Searches by meaning, once for each query of the plan.

    A query in a language that the embedder does not know is read in Latin letters, in which its names and
    loan words can be made out, and gets little `trust`: fusion leans on the other retrievers. The trace says
    so. How much was fitted on XQuAD and product documentation, see docs/decisions/0002-default-fusion.md.

    >>> DenseRetrieve(k=20).config.k
    20
    """

    class Config(Settings):
        k: int = Field(50, ge=1, le=10_000, description="Chunks to return for each query.")
        foreign_trust: float = Field(
            0.33,
            ge=0.0,
            le=1.0,
            description="How far fusion trusts a ranking for a language that the embedder does not know.",
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        texts = [query.text for query in plan.queries]
        known = [self.collection.knows(text) for text in texts]
        read = [text if k else romanised(text) for text, k in zip(texts, known, strict=True)]
        found = self.collection.dense(read, self.config.k, plan)
        trust = [1.0 if k else self.config.foreign_trust for k in known]
        if not all(known):
            ctx.note(
                trust=trust,
                read=read,
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
