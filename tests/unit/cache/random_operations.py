"""Random operations on a RAG with caches, each answer held against a plain model of its documents."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit import Document
from ragkit.app import RAG
from ragkit.cache.answers import AnswerCache
from ragkit.config.defaults import default_config
from ragkit.config.rewired import rewired
from ragkit.errors import StageError
from ragkit.graph.stage import RunContext, Stage
from ragkit.protocols import Collection, Resources
from ragkit.types import Answer, QueryPlan

TTL_S = 500.0
TENANTS, GROUPS, LANGS, NAMES = ("acme", "globex"), ("staff", "sales"), ("en", "ru"), ("a", "b", "c", "d")
# Each line one question in its wordings; lines that follow one another are near by their vectors.
WORDINGS = (
    ("How long is the warranty on the Wick 5?", "How long is the warranty of the Wick 5?"),
    ("How long is the warranty on the Wick 3?", "How long is the warranty of the Wick 3?"),
    ("What is covered by the warranty?", "What's covered by the warranty?"),
    ("What is not covered by the warranty?", "What's not covered by the warranty?"),
    ("Как вернуть сканер?",),
)
MEANS = {wording: line[0] for line in WORDINGS for wording in line}
READERS = [
    {"tenant": tenant, "acl": acl, "filter": wanted}
    for tenant in TENANTS
    for acl in (["staff"], ["sales"], ["sales", "staff"])
    for wanted in (None, {"lang": "en"}, {"lang": "ru"})
]


@dataclass
class Told:
    """What the graph did: runs, and how it was told to fail."""

    mood: str = ""
    runs: int = 0
    made_at: dict[str, float] = field(default_factory=dict)


class Visible(Stage[QueryPlan, Answer]):
    """Answers with the question and with all that its reader may see, read from the store."""

    use = "tests/visible"
    inline = True
    collection: Collection

    def __init__(self, told: Told, clock: Clock) -> None:
        super().__init__()
        self.told, self.clock = told, clock

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, plan: QueryPlan, ctx: RunContext) -> Answer:
        self.told.runs += 1
        name = f"run {self.told.runs}"
        self.told.made_at[name] = self.clock.now
        if self.told.mood == "fail":
            raise StageError("down", stage="visible")
        if self.told.mood == "degrade":
            ctx.degrade("half of it")
        [hits] = self.collection.bm25(["record"], 1_000, plan)
        chunks = [chunk for chunk in self.collection.fetch(hits.id_list(), plan) if chunk is not None]
        seen = sorted((chunk.document_id, chunk.text) for chunk in chunks)
        return Answer(plan, text=answer_of(plan.question, seen), generator=name)


def answer_of(question: str, seen: list[tuple[str, str]]) -> str:
    return f"{MEANS[question]} {seen}"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """A RAG, the model of its documents, and what came of the operations."""

    rag: RAG
    told: Told
    clock: Clock
    chance: random.Random
    # By tenant and id: text, groups, language.
    documents: dict[tuple[str, str], tuple[str, tuple[str, ...], str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    async def step(self) -> None:
        """One operation, chosen at random."""
        kind = self.chance.choices(
            ["ask", "ask badly", "write", "delete", "forget tenant", "wait"], [940, 30, 12, 4, 1, 13]
        )[0]
        self.counts[kind] += 1
        match kind:
            case "ask":
                await self._ask()
            case "ask badly":
                await self._ask_badly()
            case "write":
                self._write()
            case "delete":
                self._delete()
            case "forget tenant":
                self._forget(self.chance.choice(TENANTS))
            case _:
                self.clock.now += self.chance.uniform(0, TTL_S)

    async def _ask(self) -> None:
        reader = self.chance.choice(READERS)
        question = self.chance.choice(list(MEANS))
        runs = self.told.runs
        answer = await self.rag.aask(question, **reader)  # type: ignore[arg-type]
        assert answer.text == answer_of(question, self._seen(reader)), (question, reader, answer)
        assert answer.question == question
        assert answer.plan.tenant == reader["tenant"]
        assert not answer.degraded
        assert (self.told.runs == runs) == bool(answer.cached)
        if answer.cached:
            assert self.clock.now - self.told.made_at[answer.generator] < TTL_S
        self.counts[f"by {answer.cached or 'run'}"] += 1

    async def _ask_badly(self) -> None:
        """With a graph that fails or degrades, where it is run at all."""
        self.told.mood = self.chance.choice(["fail", "degrade"])
        reader, question = self.chance.choice(READERS), self.chance.choice(list(MEANS))
        try:
            answer = await self.rag.aask(question, **reader)  # type: ignore[arg-type]
            assert bool(answer.degraded) == (not answer.cached)
        except StageError:
            assert self.told.mood == "fail"
        finally:
            self.told.mood = ""

    def _write(self) -> None:
        tenant, name = self.chance.choice(TENANTS), self.chance.choice(NAMES)
        text = f"A record of {tenant}, {self.chance.randrange(10**6)}."
        acl = tuple(sorted(self.chance.sample(GROUPS, self.chance.choice([1, 2]))))
        lang = self.chance.choice(LANGS)
        document = Document(name, text, metadata={"lang": lang}, acl=acl)
        self.rag.ingest(document, tenant=tenant, progress=False)
        self.documents[tenant, name] = (text, acl, lang)

    def _delete(self) -> None:
        if self.documents:
            tenant, name = self.chance.choice(sorted(self.documents))
            text = self.documents.pop((tenant, name))[0]
            self.rag.forget(name, tenant=tenant)
            self._let_go_of(text)

    def _forget(self, tenant: str) -> None:
        self.rag.forget(tenant=tenant)
        for key in [key for key in self.documents if key[0] == tenant]:
            self._let_go_of(self.documents.pop(key)[0])

    def _let_go_of(self, text: str) -> None:
        """Nothing that was forgotten stays in the caches."""
        assert self.rag.cache_counts().entries == 0, text

    def _seen(self, reader: Mapping[str, Any]) -> list[tuple[str, str]]:
        wanted = None if reader["filter"] is None else reader["filter"]["lang"]
        return sorted(
            (name, text)
            for (tenant, name), (text, acl, lang) in self.documents.items()
            if tenant == reader["tenant"] and set(acl) & set(reader["acl"]) and wanted in (None, lang)
        )


def run_operations(folder: Path, *, operations: int, seed: int) -> Counter[str]:
    """Does so many operations, each answer held against the model; how many there were of each kind."""
    told, clock = Told(), Clock()
    settings = {
        "collection.fields": {"tenant": "keyword!", "acl": ["keyword"], "lang": "keyword"},
        "cache": {
            "result": {"ttl_s": TTL_S, "max_entries": 40},
            "semantic": {"ttl_s": TTL_S, "max_entries": 40, "threshold": 0.9},
        },
    }
    config = default_config(folder, set=settings)
    with RAG(rewired(config, Visible(told, clock))) as rag:
        rag._parts.answers = AnswerCache(config.cache, clock=clock)
        bench = Bench(rag, told, clock, random.Random(seed))

        async def all_of_them() -> None:
            for _ in range(operations):
                await bench.step()

        asyncio.run(all_of_them())
    return bench.counts
