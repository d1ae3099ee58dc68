"""`retrieve/multihop`: what was found says what else to look for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from ragkit.chat import ChatModel, Message
from ragkit.graph.asking import AskingSettings
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.graph.threads import in_thread
from ragkit.protocols import Collection, Resources
from ragkit.retrieve.graph_links import Links, Reached, keep_heaviest
from ragkit.retrieve.multihop_asked import Rounds, one_line
from ragkit.retrieve.multihop_search import NextSearch
from ragkit.settings import ChatModelRef
from ragkit.text.fence import fence_of, fenced, plain
from ragkit.text.template import Places, Template
from ragkit.types import Hit, Passage, Ranking, Span

Gathered = dict[str, Reached]
# What a passage gains that is found in both ways.
BOTH = 0.1


@stage("retrieve/multihop")
class MultihopRetrieve(Stage[Ranking, Ranking]):
    """Searches again for what the best passages name, and takes what that finds into the ranking.

    Without `llm`, names in the best `seeds` that the question does not hold are looked up in one batch. A
    passage that is about one of them gets a part of the score of the passage that names it: at most `share`,
    so it stands below. With `llm`, a chat model reads the best passages and replies with what to search for
    next, or that they are enough.

    It ends after `hops` searches, the question's own counted, or when nothing new is found; after `within_s`
    seconds no further one is begun. A model that fails leaves what was found until then, and the answer says
    so in `degraded`. What comes in is under `multihop` in a hit's `scores`.

    >>> MultihopRetrieve(hops=3).config.hops
    3
    """

    class Config(AskingSettings):
        places: ClassVar[Places] = Places(("question", "passages", "fence"), ("searched",))
        llm: ChatModelRef = Field(
            None, description="Chat model under `models:` that says what to search for; left out: names."
        )
        k: int = Field(10, ge=1, le=10_000, description="Hits to keep.")
        hops: int = Field(2, ge=1, le=8, description="Searches at most, the question's own counted.")
        seeds: int = Field(5, ge=1, le=100, description="Best hits to read for what to search for next.")
        names: int = Field(16, ge=1, le=256, description="Names to look up in a hop at most.")
        found: int = Field(
            5,
            ge=1,
            le=100,
            description="Passages to look at for each name, or to take from a model's search.",
        )
        share: float = Field(
            0.9, ge=0.0, le=1.0, description="Part of a passage's score that goes to what it leads to."
        )
        within_s: float | None = Field(
            None, gt=0.0, description="Seconds after which no further search is begun; left out: no limit."
        )
        passage_chars: int = Field(
            1500, ge=100, description="Characters of a passage that a model is shown; the rest is cut."
        )

    config: Config
    collection: Collection
    model: ChatModel | None
    next_search: NextSearch

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.own_template = self.config.own_template()

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.model = None if self.config.llm is None else resources.chat_model(self.config.llm)
        self.next_search = NextSearch(resources, k=self.config.found)

    async def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        if self.config.hops == 1 or not ranking.hits:
            return Ranking(ranking.plan, ranking.hits[: self.config.k])
        until = self._until(ctx)
        if self.model is None:
            gathered = await in_thread(self._by_names, ranking, until, ctx)
        else:
            gathered = await self._by_model(self.model, ranking, until, ctx)
        return taken_up(ranking, gathered, self.config.k)

    def prompt(self, question: str = "") -> str:
        """The prompt that is used for a question, as its file has it."""
        return self.template(question).text

    def messages(self, ranking: Ranking) -> tuple[Message, ...]:
        """What the model is asked first for a ranking."""
        return self._messages(ranking, [one_line(ranking.plan.understood)])

    def template(self, question: str = "") -> Template:
        """The prompt that is used for a question, with its places open."""
        return self.config.template(self.own_template, "ragkit.retrieve", "multihop", question)

    def _until(self, ctx: RunContext) -> float:
        """When no further search is begun, on the clock of `time.monotonic()`."""
        own = self.config.within_s
        ends = [time.monotonic() + own] if own is not None else []
        return min([*ends, *([ctx.deadline] if ctx.deadline is not None else [])], default=float("inf"))

    def _by_names(self, ranking: Ranking, until: float, ctx: RunContext) -> Gathered:
        c = self.config
        low = lowest(ranking)
        frontier = [Reached(hit.chunk, hit.score - low) for hit in ranking.hits[: c.seeds]]
        links = Links(self.collection, ranking.plan, names=c.names, found=c.found)
        gathered: Gathered = {}
        hops = 1
        while hops < c.hops and frontier and time.monotonic() < until:
            hops += 1
            frontier = self._hop(frontier, links, gathered)
        ctx.note(hops=hops, names=links.looked_up, linked=len(gathered))
        return gathered

    def _hop(self, frontier: Sequence[Reached], links: Links, gathered: Gathered) -> list[Reached]:
        """What the passages lead to: the heaviest that are new, or reached by a better way than before."""
        weights = {one.chunk.id: one.weight for one in frontier}
        new: Gathered = {}
        for link in links.out_of(frontier):
            weight = self.config.share * weights[link.source.id] * link.strength
            keep_heaviest(new, Reached(link.target, weight))
        better = [one for one in new.values() if keep_heaviest(gathered, one)]
        return sorted(better, key=lambda one: (-one.weight, one.chunk.id))[: self.config.seeds]

    async def _by_model(self, model: ChatModel, ranking: Ranking, until: float, ctx: RunContext) -> Gathered:
        c = self.config
        rounds = Rounds(model, c, ranking.plan.understood)
        best = c.share * (ranking.hits[0].score - lowest(ranking))
        gathered: Gathered = {}
        while len(rounds.searched) < c.hops and time.monotonic() < until:
            seen = taken_up(ranking, gathered, c.seeds)
            query = await rounds.next_search(self._messages(seen, rounds.searched))
            if query is None:
                break
            for hit, part in await in_thread(self.next_search.parts, query, ranking.plan):
                keep_heaviest(gathered, Reached(hit.chunk, best * part))
        ctx.note(prompt=self.template(ranking.plan.question).fingerprint, linked=len(gathered))
        rounds.told(ctx)
        return gathered

    def _messages(self, ranking: Ranking, searched: Sequence[str]) -> tuple[Message, ...]:
        passages = [self._shown(hit) for hit in ranking.hits[: self.config.seeds]]
        fence = fence_of(ranking.plan, passages)
        return self.template(ranking.plan.question).messages(
            {
                "question": " ".join(ranking.plan.understood.split()),
                "passages": fenced(passages, fence),
                "fence": fence,
                "searched": "\n".join(f"- {plain(text)}" for text in searched),
            }
        )

    def _shown(self, hit: Hit) -> Passage:
        span = hit.chunk.span
        return Passage(hit, (Span(span.start, min(span.end, span.start + self.config.passage_chars)),))


def lowest(ranking: Ranking) -> float:
    """Where scores are counted from: 0, or the lowest one where a reranker gives negative ones."""
    return min([0.0, *(hit.score for hit in ranking.hits)])


def taken_up(ranking: Ranking, gathered: Mapping[str, Reached], k: int) -> Ranking:
    """The ranking with what was gathered, cut to `k`; equal scores stand in order of chunk id.

    A passage that both found has the higher of its two scores and a tenth of the other.
    """
    low = lowest(ranking)
    hits: list[Hit] = []
    for hit in ranking.hits:
        one = gathered.get(hit.chunk.id)
        if one is None:
            hits.append(hit)
            continue
        own = hit.score - low
        score = low + max(own, one.weight) + BOTH * min(own, one.weight)
        hits.append(replace(hit, score=score, scores={**hit.scores, "multihop": one.weight}))
    known = {hit.chunk.id for hit in hits}
    hits += [
        Hit(one.chunk, low + one.weight, scores={"multihop": one.weight})
        for id_, one in gathered.items()
        if id_ not in known
    ]
    hits.sort(key=lambda hit: (-hit.score, hit.chunk.id))
    return Ranking(ranking.plan, tuple(hits[:k]))
