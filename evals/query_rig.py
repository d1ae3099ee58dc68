"""What the measurements of `ragkit/query` share: an index of a dataset, and rankings for plans."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

import ragkit
from ragkit.assembly import Assembly
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.metrics.ranking import parse_metric
from ragkit.evaluation.stats import mean_figure, paired
from ragkit.graph.check import check
from ragkit.graph.runner import Graph
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.query.asking import QueryStage
from ragkit.subgraph import retrieval_graph
from ragkit.types import Document, QueryPlan, Turn

Floats = NDArray[np.float64]
Rewrite = Callable[[QueryPlan], QueryPlan]
DEPTH = 50


@dataclass(frozen=True, slots=True)
class Index:
    """A dataset that is indexed, and the default graph's retrieval over it."""

    parts: Assembly
    graph: Graph

    def ranked(self, text: str, history: Sequence[Turn] = (), rewrite: Rewrite | None = None) -> list[str]:
        """The documents found for a question, best first."""
        plan = self.parts.collection.plan(text, history=history)
        searched = plan if rewrite is None else rewrite(plan)
        # Without the history, or the graph's own `condense` would work on every way to search.
        found = anyio.run(self.graph.run, replace(searched, history=())).value
        return list(dict.fromkeys(hit.chunk.document_id for hit in found.hits))

    def stage(self, stage: QueryStage) -> Rewrite:
        """A stage of `ragkit/query` as a function of the plan."""
        stage.setup(self.parts)

        def rewrite(plan: QueryPlan) -> QueryPlan:
            return anyio.run(stage.run, plan, RunContext(NodeTrace(stage.use, stage.use)))

        return rewrite


@contextmanager
def indexed(
    documents: Sequence[Document], settings: Mapping[str, Any] | None = None, depth: int = DEPTH
) -> Iterator[Index]:
    """Indexes documents with the default configuration; rankings are `depth` chunks long."""
    with tempfile.TemporaryDirectory() as folder:
        with ragkit.open(folder, set=settings) as rag:
            rag.ingest(list(documents), progress=False)
            config = rag.config
        parts = Assembly(config, create=False)
        try:
            yield Index(parts, Graph(check(retrieval_graph(config.graph, "hybrid", depth)), parts))
        finally:
            parts.close()


def documents_of(data: Dataset) -> list[Document]:
    """The documents of a dataset."""
    return [row.document() for row in data.corpus()]


def measured(
    name: str, rankings: Mapping[str, Sequence[str]], data: Dataset, metrics: Sequence[str]
) -> dict[str, Floats]:
    """Prints the figures of one system, and gives its values by measure."""
    values: dict[str, Floats] = {}
    for metric in metrics:
        values[metric] = np.array(
            [score_of(metric, ranked, data.qrels[id_]) for id_, ranked in rankings.items()]
        )
    figures = "   ".join(f"{metric} {mean_figure(found)}" for metric, found in values.items())
    print(f"  {name:<34} {figures}", flush=True)
    return values


def score_of(metric: str, ranked: Sequence[str], judged: Mapping[str, int]) -> float:
    """One measure of one ranking; `all@10` is whether every relevant document is among the first ten."""
    if metric.startswith("all@"):
        top = set(ranked[: int(metric.partition("@")[2])])
        return float(all(id_ in top for id_, grade in judged.items() if grade > 0))
    return parse_metric(metric).score(ranked, judged)


def compared(name: str, before: Mapping[str, Floats], after: Mapping[str, Floats]) -> None:
    """Prints the paired differences of two systems."""
    told = "   ".join(f"{metric} {paired(before[metric], after[metric])}" for metric in before)
    print(f"  {name:<34} {told}", flush=True)


def told(data: Dataset, questions: Sequence[Question], what: str) -> None:
    """The line above a table."""
    print(f"\n{what}: {data.name}/{data.split}, n={len(questions)}, checksum {data.checksum()[:12]}, seed 0")
