"""Retrieval cut out of graphs that people wire themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import Field

import ragkit
from ragkit import Document, QueryError, QueryPlan, Ranking, Rankings
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.graph.spec import GraphSpec
from ragkit.graph.stage import RunContext, Stage, fan_out
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse

N_DOCUMENTS = 30


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doors")
    with ragkit.open(folder) as rag:
        documents = [Document(f"{n:02}", f"The door number {n} is red.") for n in range(N_DOCUMENTS)]
        rag.ingest(documents, progress=False)
    return folder


class Backwards(Stage[Ranking, Ranking]):
    """Made with more than settings, and without a `k`."""

    def __init__(self, note: str) -> None:
        super().__init__()
        self.note = note

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        return Ranking(ranking.plan, ranking.hits[::-1])


class FirstFew(Backwards):
    """Takes more than settings and has a `k`, with a limit, under another name in YAML."""

    class Config(ragkit.Settings):
        k: int = Field(3, le=20, alias="keep")

    config: Config

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        return Ranking(ranking.plan, ranking.hits[: self.config.k])


class Down(Stage[QueryPlan, Rankings]):
    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        raise ConnectionError("the server is away")


@pytest.mark.parametrize("k", [1, 3, 10, 25])
def test_a_last_stage_without_k_does_not_give_more_than_k(index: Path, k: int) -> None:
    graph = Bm25Retrieve() >> RrfFuse() >> Backwards("x") >> ExtractiveGenerate()
    with ragkit.open(index, graph=graph) as rag:
        assert len(rag.retrieve("door", k=k).hits) == k


def test_a_stage_that_holds_more_than_its_settings_is_widened(index: Path) -> None:
    graph = Bm25Retrieve() >> RrfFuse() >> FirstFew("x") >> Backwards("y") >> ExtractiveGenerate()
    with ragkit.open(index, graph=graph) as rag:
        assert len(rag.retrieve("door", k=12).hits) == 12
        with pytest.raises(QueryError, match=r"k=21.*less than or equal to 20"):
            rag.retrieve("door", k=21)


def test_what_was_done_without_is_named(index: Path) -> None:
    spec = GraphSpec.of(fan_out(Bm25Retrieve(), Down()) >> RrfFuse() >> ExtractiveGenerate())
    nodes = tuple(replace(node, on_error="skip") if node.name == "down" else node for node in spec.nodes)
    with ragkit.open(index, graph=replace(spec, nodes=nodes)) as rag:
        ranking = rag.retrieve("door")
        assert (len(ranking.hits), ranking.degraded) == (10, ("down",))
        assert rag.ask("Which door is red?").degraded == ("down",)
        assert rag.retrieve("door", retriever="bm25").degraded == ()
