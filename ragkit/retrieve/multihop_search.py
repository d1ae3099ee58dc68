"""A further search by meaning and by words, for the stage that asks again."""

from __future__ import annotations

from dataclasses import replace

from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.protocols import Resources
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.dense import DenseRetrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Hit, Query, QueryPlan, Rankings

_CANDIDATES = 50


class NextSearch:
    """Searches with a text of its own under a plan's tenant, acl, filter and commit.

    Args:
        resources: what the stages of a graph are set up with.
        k: hits of a search.
    """

    def __init__(self, resources: Resources, *, k: int) -> None:
        self._arms = (DenseRetrieve(k=max(k, _CANDIDATES)), Bm25Retrieve(k=max(k, _CANDIDATES)))
        self._fuse = WeightedFuse(k=k)
        for one in (*self._arms, self._fuse):
            one.setup(resources)

    def parts(self, text: str, plan: QueryPlan) -> list[tuple[Hit, float]]:
        """The best hits, each with the part that its score is of the best one's, in [0, 1]."""
        searched = replace(plan, queries=(Query("next", text),))
        # Apart from the trace of the node: these would be taken for facts of its own.
        ctx = RunContext(NodeTrace("next", "retrieve/multihop"))
        arms = tuple(one for arm in self._arms for one in arm.run(searched, ctx).arms)
        hits = self._fuse.run(Rankings(searched, arms), ctx).hits
        if not hits or hits[0].score <= 0:
            return []
        return [(hit, max(0.0, hit.score / hits[0].score)) for hit in hits]
