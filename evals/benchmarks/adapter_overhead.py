"""What the adapters to LangChain and LlamaIndex add to a query: the same call with and without, in turns.

    python evals/benchmarks/adapter_overhead.py langchain|llamaindex [--queries 300]

Each round asks the same question of ragkit directly, of ragkit in the least that the library asks for (its
own base class around the call, texts and nothing else), and through the adapter, the order turned each time.
Figures are medians over rounds in milliseconds: what is added to the direct call, by the clock and in time of
the processor that the calling thread takes, which other work on the machine disturbs less. `adapter` is what
the adapter adds to the least: the rest is the library's. In the rows `ready` a RAG has its results at hand,
so that all caches serve the adapter. Needs the extra of the library.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
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


Way = Callable[[str], Any]


class Ways(NamedTuple):
    """What is asked through an adapter."""

    passages: Way
    answer: Way
    streamed: Way


def langchain(rag: Any) -> Ways:
    """The adapters to LangChain."""
    from ragkit_connectors.langchain import RagkitRetriever, RagkitRunnable

    runnable = RagkitRunnable(rag=rag)
    return Ways(RagkitRetriever(rag=rag, k=10).invoke, runnable.invoke, lambda q: list(runnable.stream(q)))


def least_langchain(rag: Any) -> Ways:
    """The least that LangChain asks of a retriever, an answer and a stream."""
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import RunnableGenerator, RunnableLambda

    class Least(BaseRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun
        ) -> list[Document]:
            return [Document(page_content=hit.chunk.text) for hit in rag.retrieve(query, k=10).hits]

    def pieces(questions: Iterator[str]) -> Iterator[str]:
        for question in questions:
            yield from map(str, rag.stream(question))

    def answer(question: str) -> str:
        return str(rag.ask(question).text)

    streamed = RunnableGenerator(pieces)
    return Ways(Least().invoke, RunnableLambda(answer).invoke, lambda q: list(streamed.stream(q)))


def langchain_embedder(embedder: Any) -> tuple[Any, Way]:
    """ragkit's own embedder behind LangChain's interface, so that only the way differs; and without ours."""
    from langchain_core.embeddings import Embeddings

    from ragkit_connectors.langchain import LangChainEmbedder

    class Passing(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [list(row) for row in embedder.embed(texts, "passage").tolist()]

        def embed_query(self, text: str) -> list[float]:
            return list(embedder.embed([text], "query")[0].tolist())

    model = Passing()
    return LangChainEmbedder(model=model, dimension=embedder.dimension), model.embed_query


def llamaindex(rag: Any) -> Ways:
    """The adapters to LlamaIndex."""
    from ragkit_connectors.llamaindex import RagkitQueryEngine, RagkitRetriever

    streaming: Any = RagkitQueryEngine(rag, streaming=True)
    return Ways(
        RagkitRetriever(rag, k=10).retrieve,
        RagkitQueryEngine(rag).query,
        lambda question: list(streaming.query(question).response_gen),
    )


def least_llamaindex(rag: Any) -> Ways:
    """The least that LlamaIndex asks of a retriever, an answer and a stream."""
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.base.response.schema import Response, StreamingResponse
    from llama_index.core.query_engine import CustomQueryEngine
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

    class Least(BaseRetriever):
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            hits = rag.retrieve(query_bundle.query_str, k=10).hits
            return [NodeWithScore(node=TextNode(text=hit.chunk.text)) for hit in hits]

    class Answering(CustomQueryEngine):
        def custom_query(self, query_str: str) -> Any:
            return Response(rag.ask(query_str).text)

    class Streaming(CustomQueryEngine):
        def custom_query(self, query_str: str) -> Any:
            return StreamingResponse(map(str, rag.stream(query_str)))

    streaming: Any = Streaming()
    return Ways(Least().retrieve, Answering().query, lambda q: list(streaming.query(q).response_gen))


def llamaindex_embedder(embedder: Any) -> tuple[Any, Way]:
    """ragkit's own embedder behind LlamaIndex's interface; and without ours."""
    from llama_index.core.embeddings import BaseEmbedding

    from ragkit_connectors.llamaindex import LlamaIndexEmbedder

    class Passing(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return list(embedder.embed([text], "passage")[0].tolist())

        def _get_query_embedding(self, query: str) -> list[float]:
            return list(embedder.embed([query], "query")[0].tolist())

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    model = Passing()
    return LlamaIndexEmbedder(model=model, dimension=embedder.dimension), model.get_query_embedding


class Library(NamedTuple):
    """The ways through one library."""

    adapter: Callable[[Any], Ways]
    least: Callable[[Any], Ways]
    embedder: Callable[[Any], tuple[Any, Way]]


LIBRARIES = {
    "langchain": Library(langchain, least_langchain, langchain_embedder),
    "llamaindex": Library(llamaindex, least_llamaindex, llamaindex_embedder),
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
    """Medians in ms: the direct call, then what is added pair by pair, by the clock and of the processor."""

    direct: float
    wall: float
    cpu: float
    least_cpu: float
    adapter_cpu: float


def compare(direct: Way, least: Way, adapted: Way, questions: list[str]) -> Added:
    """Each question in all ways, the order turned each time."""
    ways = (direct, least, adapted)
    for question in questions[:20]:
        for way in ways:
            way(question)
    walls: list[list[float]] = [[], [], []]
    cpus: list[list[float]] = [[], [], []]
    gc.disable()
    for i, question in enumerate(questions):
        for which in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0), (1, 0, 2), (0, 2, 1))[i % 6]:
            wall, cpu = time.perf_counter(), time.thread_time()
            ways[which](question)
            cpus[which].append(1000 * (time.thread_time() - cpu))
            walls[which].append(1000 * (time.perf_counter() - wall))
    gc.enable()
    return Added(
        statistics.median(walls[0]),
        _median_added(walls[0], walls[2]),
        _median_added(cpus[0], cpus[2]),
        _median_added(cpus[0], cpus[1]),
        _median_added(cpus[1], cpus[2]),
    )


def _median_added(before: list[float], after: list[float]) -> float:
    return statistics.median(b - a for a, b in zip(before, after, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--queries", type=int, default=300, help="rounds for each comparison")
    chosen = parser.parse_args()
    n, library = chosen.queries, LIBRARIES[chosen.library]
    with tempfile.TemporaryDirectory() as folder, ragkit.open(folder) as rag:
        rag.ingest(CORPUS, progress=False)
        questions = [f"What of the {SUBJECTS[i % len(SUBJECTS)]} in case {i % 40}?" for i in range(n)]
        ready: Any = Ready(rag, "What happens when a licence expires?")
        embedder = rag.resources.collection.embedder
        theirs, least_of = library.embedder(embedder)

        rows = {
            "embed a query": compare(
                lambda question: embedder.embed([question], "query"),
                least_of,
                lambda question: theirs.embed([question], "query"),
                questions,
            )
        }
        for where, asked, of in (("", rag, questions), (", ready", ready, questions * 5)):
            least, ways = library.least(asked), library.adapter(asked)
            rows[f"10 passages{where}"] = compare(_retrieves(asked), least.passages, ways.passages, of)
            rows[f"answer{where}"] = compare(asked.ask, least.answer, ways.answer, of)
            rows[f"answer, streamed{where}"] = compare(_streams(asked), least.streamed, ways.streamed, of)
    print(f"{'medians, ms':24} {'direct':>9} {'added':>9} {'added cpu':>9} {'library':>9} {'adapter':>9}")
    for name, row in rows.items():
        print(f"{name:24} " + " ".join(f"{figure:9.3f}" for figure in row))


def _retrieves(rag: Any) -> Way:
    return lambda question: rag.retrieve(question, k=10)


def _streams(asked: Any) -> Way:
    return lambda question: list(asked.stream(question))


if __name__ == "__main__":
    main()
