"""What the adapters to LangChain add to a query: the same call with and without them, taken in turns.

    python evals/benchmarks/langchain_overhead.py [--queries 300]

Each round asks ragkit directly, then through the adapter, with another question; figures are medians in
milliseconds, the difference is the median over rounds of adapter minus direct, by the clock and in time of
the processor that the calling thread takes, which other work on the machine disturbs less. In the rows
`ready` a RAG has its results at hand, so that the adapter's own work is all there is. Needs the extra
`langchain`.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from langchain_core.embeddings import Embeddings

import ragkit
from ragkit_connectors.langchain import LangChainEmbedder, RagkitRetriever, RagkitRunnable

CORPUS = Path(__file__).parents[2] / "examples" / "corpus"
SUBJECTS = (
    "licence",
    "warranty",
    "scan",
    "battery",
    "office",
    "plan",
    "firmware",
    "return",
    "export",
    "user",
)


class Passing(Embeddings):
    """ragkit's own embedder behind LangChain's interface, so that only the way differs."""

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(row) for row in self.embedder.embed(texts, "passage").tolist()]

    def embed_query(self, text: str) -> list[float]:
        return list(self.embedder.embed([text], "query")[0].tolist())


class Ready:
    """A RAG that has its results ready: what is left is the adapter's own work."""

    def __init__(self, rag: ragkit.RAG, question: str) -> None:
        ranking, answer, events = rag.retrieve(question, k=10), rag.ask(question), list(rag.stream(question))
        self.retrieve = lambda *_, **__: ranking
        self.ask = lambda *_, **__: answer
        self.stream = lambda *_, **__: (event for event in events)
        self.aask = self.aretrieve = self.astream = self.resources = None


class Added(NamedTuple):
    """Medians in ms: both ways, and the difference pair by pair, by the clock and of the processor."""

    direct: float
    adapter: float
    wall: float
    cpu: float


def compare(direct: Callable[[str], Any], adapted: Callable[[str], Any], questions: list[str]) -> Added:
    """Each question both ways, the order turned each time."""
    for question in questions[:20]:
        direct(question), adapted(question)
    walls: tuple[list[float], list[float]] = ([], [])
    cpus: tuple[list[float], list[float]] = ([], [])
    gc.disable()
    for i, question in enumerate(questions):
        for which in ((0, 1), (1, 0))[i % 2]:
            wall, cpu = time.perf_counter(), time.thread_time()
            (direct, adapted)[which](question)
            cpus[which].append(1000 * (time.thread_time() - cpu))
            walls[which].append(1000 * (time.perf_counter() - wall))
    gc.enable()
    wall_added, cpu_added = ([b - a for a, b in zip(*times, strict=True)] for times in (walls, cpus))
    return Added(*map(statistics.median, (*walls, wall_added, cpu_added)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=300, help="rounds for each comparison")
    n = parser.parse_args().queries
    with tempfile.TemporaryDirectory() as folder, ragkit.open(folder) as rag:
        rag.ingest(CORPUS, progress=False)
        questions = [f"What of the {SUBJECTS[i % len(SUBJECTS)]} in case {i % 40}?" for i in range(n)]
        ready: Any = Ready(rag, "What happens when a licence expires?")
        embedder = rag.resources.collection.embedder
        theirs = LangChainEmbedder(model=Passing(embedder), dimension=embedder.dimension)
        rows = {
            "embed a query": compare(
                lambda q: embedder.embed([q], "query"), lambda q: theirs.embed([q], "query"), questions
            )
        }
        for where, asked, of in (("", rag, questions), (", ready", ready, questions * 5)):
            retriever, runnable = RagkitRetriever(rag=asked, k=10), RagkitRunnable(rag=asked)
            rows[f"10 passages{where}"] = compare(_retrieves(asked), retriever.invoke, of)
            rows[f"answer{where}"] = compare(asked.ask, runnable.invoke, of)
            rows[f"answer, streamed{where}"] = compare(_streams(asked), _streams(runnable), of)
    print(f"{'':24} {'direct':>9} {'adapter':>9} {'ratio':>7} {'added':>9} {'added cpu':>9}   (medians, ms)")
    for name, row in rows.items():
        ratio = row.adapter / row.direct
        print(f"{name:24} {row.direct:9.3f} {row.adapter:9.3f} {ratio:7.3f} {row.wall:9.3f} {row.cpu:9.3f}")


def _retrieves(rag: Any) -> Callable[[str], Any]:
    return lambda question: rag.retrieve(question, k=10)


def _streams(asked: Any) -> Callable[[str], Any]:
    return lambda question: list(asked.stream(question))


if __name__ == "__main__":
    main()
