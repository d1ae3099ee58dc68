"""`retrieve/graph`: passages that hang together with the best ones, by a walk over the names they share.

Source of the walk: Gutiérrez et al., "HippoRAG: Neurobiologically Inspired Long-Term Memory for Large
Language Models", NeurIPS 2024, who run personalised PageRank (Haveliwala, "Topic-Sensitive PageRank", WWW
2002) on a graph that a language model extracts beforehand. Here the graph is walked where the question leads,
over the collection's own index, so nothing has to be kept in step with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.arrays import HitBatch
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.retrieve.graph_links import Link, Links, Reached, keep_heaviest
from ragkit.settings import Settings
from ragkit.types import ArmRanking, Rankings

_ROUNDS = 30


@stage("retrieve/graph")
class GraphRetrieve(Stage[Rankings, Rankings]):
    """Adds a ranking `graph` to those of the other retrievers: what they lead to by the names they share.

    Takes the rankings of the retrievers before it (`in: [dense, sparse]`) and hands them on with its own. Its
    scores are shares of a walker's time that starts from the best passages, follows names to the passages
    that are about them, and back; the highest is 1.

    >>> GraphRetrieve(seeds=8).config.seeds
    8
    """

    class Config(Settings):
        k: int = Field(50, ge=1, le=10_000, description="Chunks to return.")
        hops: int = Field(2, ge=1, le=8, description="Searches at most, those of the retrievers counted.")
        seeds: int = Field(5, ge=1, le=100, description="Best passages to start from.")
        names: int = Field(16, ge=1, le=256, description="Names to look up in a hop at most.")
        found: int = Field(5, ge=1, le=100, description="Passages to look at for each name.")
        damping: float = Field(
            0.5, gt=0.0, lt=1.0, description="How often the walker goes on and does not start anew."
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self._seeding = WeightedFuse(k=self.config.seeds)
        self._seeding.setup(resources)

    def run(self, rankings: Rankings, ctx: RunContext) -> Rankings:
        if not rankings.arms:
            return rankings
        seeds = self._seeding.run(rankings, ctx).hits
        start = [Reached(hit.chunk, hit.score) for hit in seeds]
        links = self._links(start, rankings, ctx)
        hits = walked(start, links, self.config.damping).top(self.config.k)
        # Under a query that is there already: one of its own would take a part of the others' weight.
        arm = ArmRanking(rankings.arms[0].query, retriever="graph", hits=hits)
        return Rankings(rankings.plan, (*rankings.arms, arm))

    def _links(self, start: Sequence[Reached], rankings: Rankings, ctx: RunContext) -> list[Link]:
        c = self.config
        explorer = Links(self.collection, rankings.plan, names=c.names, found=c.found)
        frontier, all_links, known = list(start), list[Link](), {one.chunk.id for one in start}
        for _ in range(c.hops - 1):
            weights = {one.chunk.id: one.weight for one in frontier}
            links = explorer.out_of(frontier)
            all_links += links
            new: dict[str, Reached] = {}
            for link in links:
                keep_heaviest(new, Reached(link.target, weights[link.source.id] * link.strength))
            frontier = sorted(
                (one for id_, one in new.items() if id_ not in known),
                key=lambda one: (-one.weight, one.chunk.id),
            )[: c.seeds]
            known |= new.keys()
            if not frontier:
                break
        ctx.note(names=explorer.looked_up, linked=len(all_links))
        return all_links


def walked(start: Sequence[Reached], links: Sequence[Link], damping: float) -> HitBatch:
    """Personalised PageRank: how much of the walker's time goes to a passage by links, none left out.

    A passage whose links are weak hands on no more than they carry. 1 is what the best passage to start from
    would hand on to a single one; no score is higher.
    """
    ids = list(dict.fromkeys([*(one.chunk.id for one in start), *(link.target.id for link in links)]))
    at = {id_: n for n, id_ in enumerate(ids)}
    restart = np.zeros(len(ids))
    for one in start:
        restart[at[one.chunk.id]] = max(0.0, one.weight)
    if not restart.any():
        return HitBatch.empty()
    restart /= restart.sum()
    strengths: dict[tuple[int, int], float] = {}
    for link in links:
        a, b = at[link.source.id], at[link.target.id]
        for step in ((a, b), (b, a)):
            strengths[step] = max(strengths.get(step, 0.0), link.strength)
    # A row for each step and not for each pair of passages: many passages have few links.
    source, target = np.array(list(strengths), dtype=np.intp).reshape(-1, 2).T
    part = np.fromiter(strengths.values(), dtype=np.float64, count=len(strengths))
    part /= np.maximum(1.0, np.bincount(source, part, len(ids)))[source]

    def handed_on(rank: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(target, rank[source] * part, len(ids)).astype(np.float64, copy=False)

    rank = restart
    for _ in range(_ROUNDS):
        rank = (1 - damping) * restart + damping * handed_on(rank)
    arriving = np.minimum(1.0, handed_on(rank) / restart.max())
    return HitBatch.of((id_, score) for id_, score in zip(ids, arriving.tolist(), strict=True) if score > 0)
