"""What `store/qdrant` adds to the raw client: a query for 10, a bulk write, and one call for both arms.

    python evals/benchmarks/qdrant_overhead.py [--over rest|engine] [--passages 10000] [--optimized]
    python evals/benchmarks/qdrant_overhead.py --url "$QDRANT_URL"

Without --url Qdrant's own engine answers (package qdrant-edge-py: what a server's shard does). Over `rest` it
does so in another process, and qdrant-client asks it as it asks a server: the transport is a real one. Over
`engine` it is `engine: edge` beside the engine called by hand, without network, so every call costs its least
and what ragkit adds weighs its most.

`plain` compares a question in a held commit, as a graph asks, with ids and scores of the 10 nearest of all
that lies there. `same_question` asks by hand for the 10 nearest of one commit. A bulk write puts the same
chunks (dense and sparse vector, payload) into a collection of the same form, 1,000 passages a time; by hand
without documents and states. `two_calls_against_one` compares two calls in two threads, as a
graph makes them, with one for both.

Ways take turns. `wall` is the time that passes, `cpu` that of this process; medians, and the median of the
ratios of neighbours in time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from qdrant_client import models

from evals.benchmarks.opensearch_overhead import changes_of
from evals.benchmarks.side_by_side import take_turns
from evals.benchmarks.store_query import DIMENSION, SEED, make_passages, make_questions
from ragkit.protocols import Change, Scope, Vectors
from ragkit.store.remote.conditions import all_of, in_range
from ragkit.store.remote.points import chunk_point, document_key
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant import QdrantStore
from ragkit_connectors.qdrant.client import connect
from ragkit_connectors.qdrant.filters import as_filter
from ragkit_connectors.qdrant.points import numbered, point_struct, sparse_vector
from ragkit_connectors.qdrant.port import DENSE, TERMS

K, CANDIDATES, PER_REQUEST = 10, 50, 500
OURS, RAW = "ragkit_benchmark", "ragkit_benchmark_raw"
SPEC = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)


@contextmanager
def opened(url: str | None, over: str) -> Iterator[tuple[QdrantStore, Any]]:
    """An empty store with its payload indexes; and a client by hand, with a collection of the same form."""
    with ExitStack() as stack:
        if url is None and over == "engine":
            from tests.connectors.qdrant_edge_client import EdgeClient

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            settings = {"engine": "edge", "path": folder}
            store, other = (QdrantStore(**settings, collection=n).open(SPEC) for n in (OURS, RAW))
            engine = EdgeClient()
            for opened_store, name in ((store, OURS), (other, RAW)):
                # A shard is open once: by hand is the same one.
                engine.shards[name] = opened_store._server._qdrant._shards._shards[name]  # type: ignore[attr-defined]
            yield store, engine
            store.close()
            other.close()
            return
        if url is None:
            from tests.connectors.qdrant_rest import served_apart

            url = stack.enter_context(served_apart())
        store, other = (QdrantStore(url=url, collection=n).open(SPEC) for n in (OURS, RAW))
        client = connect(store.config)
        yield store, client
        for made in (store, other):
            for name in (made.config.collection, made.config.meta):
                client.delete_collection(name)
            made.close()


def write_raw(client: Any, batch: Sequence[Change], number: int) -> None:
    """The chunks of a batch, by the client alone."""
    points = [
        point_struct(chunk_point(record, document_key("", change.state.document_id), number))
        for change in batch
        for record in change.records
    ]
    for first in range(0, len(points), PER_REQUEST):
        client.upsert(collection_name=RAW, points=points[first : first + PER_REQUEST], wait=True)


def nearest(client: Any, vector: Vectors, shown: models.Filter | None) -> Any:
    """Ids and scores of the 10 nearest, as one would ask without ragkit."""
    return client.query_points(
        collection_name=OURS, query=vector.tolist(), using=DENSE, query_filter=shown, limit=K,
        with_payload=["id"],
    )  # fmt: skip


def both_arms(vector: Vectors, words: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two questions of a hybrid search."""
    asked: dict[str, Any] = {"query_filter": None, "limit": CANDIDATES, "with_payload": ["id"]}
    dense = {**asked, "query": vector.tolist(), "using": DENSE}
    return dense, {**asked, "query": sparse_vector(numbered(dict.fromkeys(words, 1.0))), "using": TERMS}


def measured(url: str | None, over: str, n: int, n_questions: int, *, optimized: bool) -> dict[str, Any]:
    """Fills both collections in turns, then asks."""
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, n)
    questions = make_questions(rng, texts, vectors, n_questions)
    batches = changes_of(texts, vectors)
    asked = [question.vector for question in questions]
    with opened(url, over) as (store, client):
        with store.writing():
            bulk = take_turns(
                len(batches),
                lambda at: store.commit(batches[at]),
                lambda at: write_raw(client, batches[at], at + 1),
            )
        if optimized and url is None and over == "engine":
            client.shards[OURS].optimize()
        with store.hold() as commit:

            def ours(at: int) -> object:
                return store.search(asked[at][None], K, Scope(commit=commit))

            shown = as_filter(all_of([in_range("from", lte=commit), in_range("to", gt=commit)]))
            plain = take_turns(n_questions, ours, lambda at: nearest(client, asked[at], None))
            same = take_turns(n_questions, ours, lambda at: nearest(client, asked[at], shown))
        arms = [both_arms(q.vector, q.text.split()) for q in questions]
        with ThreadPoolExecutor(2) as threads:

            def ask(arm: dict[str, Any]) -> Any:
                return client.query_points(collection_name=OURS, **arm)

            def one_call(at: int) -> object:
                return in_one_call(client, arms[at])

            hybrid = take_turns(n_questions, lambda at: list(threads.map(ask, arms[at])), one_call)
        how = "in process" if over == "engine" else "over REST on this machine"
        return {
            "server": url or f"qdrant-edge-py, {how}",
            "seed": SEED,
            "passages": n,
            "optimized": optimized,
            "bulk_1000": bulk,
            "plain": plain,
            "same_question": same,
            "two_calls_against_one": hybrid,
        }


def in_one_call(client: Any, arms: Sequence[dict[str, Any]]) -> Any:
    """Both questions in one request."""
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
    parser.add_argument("--url", default=None, help="of a server; the engine alone if not given")
    parser.add_argument("--over", choices=["rest", "engine"], default="rest", help="how the engine is asked")
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--optimized", action="store_true", help="let the engine build its HNSW index first")
    given = parser.parse_args()
    print(
        json.dumps(
            measured(given.url, given.over, given.passages, given.questions, optimized=given.optimized)
        )
    )


if __name__ == "__main__":
    main()
