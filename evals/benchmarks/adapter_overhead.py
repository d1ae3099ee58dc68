"""What the adapters to LangChain and LlamaIndex add to a query: the same call with and without, in turns.

    python evals/benchmarks/adapter_overhead.py langchain|llamaindex [--queries 300]

Each round asks ragkit directly, then through the adapter, with another question; figures are medians in
milliseconds, the difference is the median over rounds of adapter minus direct, by the clock and in time of
the processor that the calling thread takes, which other work on the machine disturbs less. In the rows
`ready` a RAG has its results at hand, so that the adapter's own work is all there is. Needs the extra of the
library.
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

import ragkit

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


class Ways(NamedTuple):
    """What is asked through an adapter."""

    passages: Callable[[str], Any]
    answer: Callable[[str], Any]
    streamed: Callable[[str], Any]


def langchain(rag: Any) -> Ways:
    """The adapters to LangChain."""
    from ragkit_connectors.langchain import RagkitRetriever, RagkitRunnable

    runnable = RagkitRunnable(rag=rag)
    return Ways(RagkitRetriever(rag=rag, k=10).invoke, runnable.invoke, lambda q: list(runnable.stream(q)))


def langchain_embedder(embedder: Any) -> Any:
    """ragkit's own embedder behind LangChain's interface, so that only the way differs."""
    from langchain_core.embeddings import Embeddings

    from ragkit_connectors.langchain import LangChainEmbedder

    class Passing(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [list(row) for row in embedder.embed(texts, "passage").tolist()]

        def embed_query(self, text: str) -> list[float]:
            return list(embedder.embed([text], "query")[0].tolist())

    return LangChainEmbedder(model=Passing(), dimension=embedder.dimension)


def llamaindex(rag: Any) -> Ways:
    """The adapters to LlamaIndex."""
    from ragkit_connectors.llamaindex import RagkitQueryEngine, RagkitRetriever

    streaming: Any = RagkitQueryEngine(rag, streaming=True)
    return Ways(
        RagkitRetriever(rag, k=10).retrieve,
        RagkitQueryEngine(rag).query,
        lambda question: list(streaming.query(question).response_gen),
    )


def llamaindex_embedder(embedder: Any) -> Any:
    """ragkit's own embedder behind LlamaIndex's interface."""
    from llama_index.core.embeddings import BaseEmbedding

    from ragkit_connectors.llamaindex import LlamaIndexEmbedder

    class Passing(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return list(embedder.embed([text], "passage")[0].tolist())

        def _get_query_embedding(self, query: str) -> list[float]:
            return list(embedder.embed([query], "query")[0].tolist())

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    return LlamaIndexEmbedder(model=Passing(), dimension=embedder.dimension)


LIBRARIES: dict[str, tuple[Callable[[Any], Ways], Callable[[Any], Any]]] = {
    "langchain": (langchain, langchain_embedder),
    "llamaindex": (llamaindex, llamaindex_embedder),
}


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
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--queries", type=int, default=300, help="rounds for each comparison")
    chosen = parser.parse_args()
    n, (ways_of, embedder_of) = chosen.queries, LIBRARIES[chosen.library]
    with tempfile.TemporaryDirectory() as folder, ragkit.open(folder) as rag:
        rag.ingest(CORPUS, progress=False)
        questions = [f"What of the {SUBJECTS[i % len(SUBJECTS)]} in case {i % 40}?" for i in range(n)]
        ready: Any = Ready(rag, "What happens when a licence expires?")
        embedder = rag.resources.collection.embedder
        theirs = embedder_of(embedder)
        rows = {
            "embed a query": compare(
                lambda q: embedder.embed([q], "query"), lambda q: theirs.embed([q], "query"), questions
            )
        }
        for where, asked, of in (("", rag, questions), (", ready", ready, questions * 5)):
            ways = ways_of(asked)
            rows[f"10 passages{where}"] = compare(_retrieves(asked), ways.passages, of)
            rows[f"answer{where}"] = compare(asked.ask, ways.answer, of)
            rows[f"answer, streamed{where}"] = compare(_streams(asked), ways.streamed, of)
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
