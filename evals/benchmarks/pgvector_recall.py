"""How many of the 10 nearest `store/pgvector` finds by its indexes, as they come and with other effort.

    python evals/benchmarks/pgvector_recall.py --dsn "$PG_DSN" [--rows 25000]

The vectors are those of `faiss_kinds.py`, like all-MiniLM-L6-v2's. One JSON line per index and effort:
recall@10 against a comparison with all, over 200 questions, the median time of one (the wall's), and how long
the index took to build. The schema is dropped at the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np
import psycopg

from evals.benchmarks.faiss_kinds import made_rows
from ragkit.protocols import Scope, Vectors
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit_connectors.pgvector import PgvectorStore

NAME, K, N_QUESTIONS, PER_DOCUMENT, PER_COMMIT = "bench_recall", 10, 200, 100, 2_500
EFFORTS: dict[str, list[dict[str, int]]] = {
    "hnsw": [{}, {"ef_search": 40}, {"ef_search": 200}],
    "ivfflat": [{}, {"probes": 16}, {"probes": 48}, {"probes": 120}],
}


def filled(dsn: str, vectors: Vectors) -> list[str]:
    """Writes one chunk per vector; their ids."""
    spec = StoreSpec("none", embedder_fingerprint="none", dimension=vectors.shape[1])
    store = PgvectorStore(dsn=dsn, name=NAME).open(spec)
    ids: list[str] = []
    with store.writing():
        for at in range(0, len(vectors), PER_COMMIT):
            changes = [
                put(f"d{i}", [(f"w{j}", vectors[j]) for j in range(i, min(i + PER_DOCUMENT, len(vectors)))])
                for i in range(at, min(at + PER_COMMIT, len(vectors)), PER_DOCUMENT)
            ]
            store.commit(changes)
            ids += [record.chunk.id for change in changes for record in change.records]
    store.close()
    return ids


def measured(store: PgvectorStore, questions: Vectors, truth: list[set[str]]) -> dict[str, Any]:
    """Recall and time of one setting."""
    found, times = [], []
    for question in questions:
        start = time.perf_counter()
        (hits,) = store.search(question[None], K, Scope())
        times.append(time.perf_counter() - start)
        found.append(hits.id_list())
    recalls = [len(wanted & set(ids)) / K for wanted, ids in zip(truth, found, strict=True)]
    return {
        "recall@10": round(statistics.mean(recalls), 4),
        "ms": round(statistics.median(times) * 1e3, 2),
        "n": len(recalls),
    }


def main() -> None:
    """Measures, and prints a line for each index and effort."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--rows", type=int, default=25_000)
    given = parser.parse_args()
    vectors, questions = made_rows(given.rows)
    questions = questions[:N_QUESTIONS]
    ids = filled(given.dsn, vectors)
    nearest = np.argsort(-(questions @ vectors.T), axis=1)[:, :K]
    truth = [{ids[i] for i in row} for row in nearest]
    try:
        for index, efforts in EFFORTS.items():
            for effort in efforts:
                store = PgvectorStore(dsn=given.dsn, name=NAME, index=index, exact_below=0, **effort).open()
                start = time.perf_counter()
                store.prepare()  # which builds what the first effort of an index asks for
                built_s = round(time.perf_counter() - start, 1)
                facts = {"rows": given.rows, "index": index, **effort, "prepared_s": built_s}
                print(json.dumps({**facts, **measured(store, questions, truth)}), flush=True)
                store.close()
    finally:
        with psycopg.connect(given.dsn, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {NAME} CASCADE")


if __name__ == "__main__":
    main()
