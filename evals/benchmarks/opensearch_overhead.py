"""What `store/opensearch` adds to the raw client: a query for 10, and a bulk write, side by side in one run.

    python evals/benchmarks/opensearch_overhead.py --host "$OPENSEARCH_URL" [--passages 100000]

Raw is opensearch-py on one connection. A query is the ids and the scores of the 10 nearest by the same graph.
A bulk write puts the same chunks into an index of the same form, 1,000 passages a time, 500 to a request, and
refreshes; `raw` makes its lines as it goes, as any program must. Time is the wall's, for the server is
another process; the ways take turns. The indexes are deleted at the end. Figures against the local server of
the tests say nothing of OpenSearch.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from evals.benchmarks.side_by_side import against
from evals.benchmarks.store_query import DIMENSION, SEED, make_passages, make_questions
from ragkit.protocols import Change, Scope, Vectors
from ragkit.store.remote.points import chunk_point, document_key
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit_connectors.opensearch import OpenSearchStore
from ragkit_connectors.opensearch.mapping import chunks_body, document_of

K, PER_DOCUMENT, PER_COMMIT, PER_REQUEST = 10, 10, 1_000, 500
RAW = "ragkit_benchmark_raw"


def changes_of(texts: Sequence[str], vectors: Vectors) -> list[list[Change]]:
    """Commits of 1,000 passages, ten to a document."""
    changes = [
        put(f"d{at}", list(zip(texts[at : at + PER_DOCUMENT], vectors[at : at + PER_DOCUMENT], strict=True)))
        for at in range(0, len(texts), PER_DOCUMENT)
    ]
    step = PER_COMMIT // PER_DOCUMENT
    return [changes[at : at + step] for at in range(0, len(changes), step)]


def write_raw(client: Any, batch: Sequence[Change], number: int) -> None:
    """The chunks of a batch, by the client alone."""
    lines: list[str] = []
    for change in batch:
        key = document_key("", change.state.document_id)
        for record in change.records:
            point = chunk_point(record, key, number)
            lines += [
                json.dumps({"create": {"_index": RAW, "_id": point.id}}),
                json.dumps(document_of(point)),
            ]
    for first in range(0, len(lines), 2 * PER_REQUEST):
        answer = client.bulk(body="\n".join(lines[first : first + 2 * PER_REQUEST]) + "\n")
        if answer["errors"]:
            raise SystemExit(f"the raw client's bulk request failed: {answer['items'][0]}")
    client.indices.refresh(index=RAW)


def timed(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Milliseconds of one call."""
    start = clock()
    call()
    return (clock() - start) * 1e3


def take_turns(
    n: int,
    ours: Callable[[int], object],
    raw: Callable[[int], object],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Both ways on each item, one after the other, in changing order."""
    times: tuple[list[float], list[float]] = ([], [])
    ways = (ours, raw)
    for at in range(n):
        for way in (0, 1) if at % 2 else (1, 0):
            times[way].append(timed(partial(ways[way], at), clock))
    return against(*times)


def main() -> None:
    """Measures, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--engine", default="lucene", choices=["lucene", "faiss"])
    given = parser.parse_args()
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, given.passages)
    questions = [question.vector for question in make_questions(rng, texts, vectors, given.questions)]
    plain = OpenSearchStore(hosts=[given.host], engine=given.engine, exact_below=0, replicas=0)
    with plain.scratch("ragkit_benchmark") as store:
        store.open(StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION))
        client = store.make_client()
        client.indices.delete(index=RAW, ignore_unavailable=True)
        client.indices.create(index=RAW, body=chunks_body(store.config, DIMENSION))
        batches = changes_of(texts, vectors)
        try:
            bulk = take_turns(
                len(batches),
                lambda at: store.commit(batches[at]),
                lambda at: write_raw(client, batches[at], at + 1),
            )
            scope = Scope(commit=store.head())
            query = take_turns(
                len(questions),
                lambda at: store.search(questions[at][None], K, scope),
                lambda at: client.search(index=RAW, body=nearest(questions[at])),
            )
        finally:
            client.indices.delete(index=RAW, ignore_unavailable=True)
            engine = store.engine()
            store.close()
    facts = {"engine": f"{engine.name} {engine.version}", "stand_in": engine.stand_in, "seed": SEED}
    print(json.dumps({**facts, "passages": given.passages, "bulk": bulk, "query": query}))


def nearest(vector: Vectors) -> dict[str, Any]:
    """The 10 nearest, as one would ask without ragkit."""
    return {"size": K, "_source": False, "query": {"knn": {"dense": {"vector": vector.tolist(), "k": K}}}}


if __name__ == "__main__":
    main()
