"""What `store/qdrant` adds to the raw client: a query for 10, a bulk write, and one call for both arms.

    python evals/benchmarks/qdrant_overhead.py [--url "$QDRANT_URL"] [--passages 100000] [--optimized]

Without --url the client is Qdrant's own engine within the process (package qdrant-edge-py): what a server's
shard does, without network, so every call costs its least and what ragkit adds weighs its most. Raw is the
same client, called by hand: a query is the ids and scores of the 10 nearest; a bulk write puts the same
chunks (dense and sparse vector, payload) into a collection of the same form, 1,000 passages a time; it makes
its points as it goes, as any program must. `query` is one in a held commit, as a graph asks; `same_question`
compares it with a raw query that asks for what ragkit needs to keep its word: of a commit, with vectors.
`hybrid` compares two calls in two threads, which is what a graph makes, with one call for both.

Ways take turns. Within the process the clock is the processor's, else the wall's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from qdrant_client import models

from evals.benchmarks.opensearch_overhead import changes_of, take_turns
from evals.benchmarks.store_query import DIMENSION, SEED, make_passages, make_questions
from ragkit.protocols import Change, Scope, Vectors
from ragkit.store.remote.conditions import all_of, in_range
from ragkit.store.remote.points import JUDGED, chunk_point, document_key
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant import QdrantStore
from ragkit_connectors.qdrant.filters import as_filter
from ragkit_connectors.qdrant.points import DENSE, TERMS, point_struct, summed

K, CANDIDATES, PER_REQUEST = 10, 50, 500
OURS, RAW = "ragkit_benchmark", "ragkit_benchmark_raw"


SPEC = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)


def opened(url: str | None, collection: str) -> tuple[QdrantStore, Any]:
    """An empty store with its payload indexes, on a server or on the engine; and a client of it."""
    if url is not None:
        store = QdrantStore(url=url, collection=collection).open(SPEC)
        return store, store.make_client()
    from tests.connectors.qdrant_edge_client import EdgeStore

    engine = EdgeStore(url="http://in-process", collection=collection)
    return engine.open(SPEC), engine.client


def write_raw(client: Any, batch: Sequence[Change], number: int) -> None:
    """The chunks of a batch, by the client alone."""
    points = [
        point_struct(chunk_point(record, document_key("", change.state.document_id), number))
        for change in batch
        for record in change.records
    ]
    for first in range(0, len(points), PER_REQUEST):
        client.upsert(collection_name=RAW, points=points[first : first + PER_REQUEST], wait=True)


def nearest(client: Any, vector: Vectors) -> Any:
    """The 10 nearest, as one would ask without ragkit."""
    return client.query_points(
        collection_name=OURS, query=vector.tolist(), using=DENSE, query_filter=None, limit=K,
        with_payload=["id"],
    )  # fmt: skip


def nearest_of(client: Any, vector: Vectors, shown: Any) -> Any:
    """The question that ragkit asks, by hand."""
    return client.query_points(
        collection_name=OURS, query=vector.tolist(), using=DENSE, query_filter=shown, limit=K + 16,
        with_payload=list(JUDGED), with_vectors=[DENSE],
    )  # fmt: skip


def both_arms(client: Any, vector: Vectors, words: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two questions of a hybrid search."""
    asked: dict[str, Any] = {"query_filter": None, "limit": CANDIDATES, "with_payload": ["id"]}
    dense = {**asked, "query": vector.tolist(), "using": DENSE}
    return dense, {**asked, "query": summed(dict.fromkeys(words, 1.0)), "using": TERMS}


def measured(url: str | None, n: int, n_questions: int, *, optimized: bool) -> dict[str, Any]:
    """Fills both collections in turns, then asks."""
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, n)
    questions = make_questions(rng, texts, vectors, n_questions)
    store, client = opened(url, OURS)
    other, raw = opened(url, RAW)
    batches = changes_of(texts, vectors)
    turns = partial(take_turns, clock=time.perf_counter if url is not None else time.process_time)
    try:
        with store.writing():
            bulk = turns(
                len(batches),
                lambda at: store.commit(batches[at]),
                lambda at: write_raw(raw, batches[at], at + 1),
            )
        if optimized and url is None:
            client.shards[OURS].optimize()
        asked = [question.vector for question in questions]
        with store.hold() as commit:

            def ours(at: int) -> object:
                return store.search(asked[at][None], K, Scope(commit=commit))

            query = turns(n_questions, ours, lambda at: nearest(client, asked[at]))
            shown = as_filter(all_of([in_range("from", lte=commit), in_range("to", gt=commit)]))
            same = turns(n_questions, ours, lambda at: nearest_of(client, asked[at], shown))
        arms = [both_arms(client, q.vector, q.text.split()) for q in questions]
        with ThreadPoolExecutor(2) as threads:

            def ask(arm: dict[str, Any]) -> Any:
                return client.query_points(collection_name=OURS, **arm)

            hybrid = turns(
                n_questions,
                lambda at: list(threads.map(ask, arms[at])),
                lambda at: in_one_call(client, arms[at]),
            )
        return {
            "engine": store.engine().version if url is not None else "qdrant-edge-py, in process",
            "seed": SEED, "passages": n, "optimized": optimized, "bulk_1000": bulk, "query": query,
            "same_question": same, "hybrid": {
                "two_calls_ms": hybrid["ours_ms"], "one_call_ms": hybrid["raw_ms"], "ratio": hybrid["ratio"],
            },
        }  # fmt: skip
    finally:
        for name in (OURS, f"{OURS}__ragkit", RAW, f"{RAW}__ragkit") if url is not None else ():
            client.delete_collection(name)
        store.close()
        other.close()


def in_one_call(client: Any, arms: Sequence[dict[str, Any]]) -> Any:
    """Both questions as one request."""
    requests = [
        models.QueryRequest(
            query=arm["query"], using=arm["using"], limit=arm["limit"], with_payload=arm["with_payload"]
        )
        for arm in arms
    ]
    return client.query_batch_points(collection_name=OURS, requests=requests)


def main() -> None:
    """Measures, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default=None, help="of a server; the engine within the process if not given")
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--optimized", action="store_true", help="let the engine build its HNSW index first")
    given = parser.parse_args()
    print(json.dumps(measured(given.url, given.passages, given.questions, optimized=given.optimized)))


if __name__ == "__main__":
    main()
