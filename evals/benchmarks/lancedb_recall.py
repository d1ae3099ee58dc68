"""How many of the 10 nearest `store/lancedb` finds by its indexes, as they come and with other effort.

    OMP_NUM_THREADS=1 python -m evals.benchmarks.lancedb_recall [--rows 25000]

The vectors are those of `faiss_kinds.py`, like all-MiniLM-L6-v2's. One JSON line per index and effort:
recall@10 against a comparison with all, over 200 questions, the median time of one by the wall's clock and by
the processor's, and how long the index took to build. `none` is the comparison with all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from evals.benchmarks.faiss_kinds import made_rows
from ragkit.protocols import Scope, Vectors
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit_connectors.lancedb import LanceStore

K, PER_DOCUMENT, PER_COMMIT = 10, 100, 5_000
EFFORTS: dict[str, list[dict[str, int]]] = {
    "ivf": [{}, {"probes": 8}],
    "ivf-pq": [{}, {"candidates": 20}],
    "hnsw": [{}, {"ef_search": 50}],
}


def fill(store: LanceStore, vectors: Vectors) -> None:
    """Writes one chunk per vector."""
    with store.writing():
        for at in range(0, len(vectors), PER_COMMIT):
            store.commit(
                put(f"d{i}", [(f"w{j}", vectors[j]) for j in range(i, min(i + PER_DOCUMENT, len(vectors)))])
                for i in range(at, min(at + PER_COMMIT, len(vectors)), PER_DOCUMENT)
            )


def asked(store: LanceStore, questions: Vectors) -> tuple[list[set[str]], dict[str, float]]:
    """What is found for each question, and the median times."""
    found, wall, cpu = [], [], []
    with store.hold() as commit:
        for question in questions:
            begun, begun_cpu = time.perf_counter(), time.process_time()
            (hits,) = store.search(question[None], K, Scope(commit=commit))
            wall.append(1e3 * (time.perf_counter() - begun))
            cpu.append(1e3 * (time.process_time() - begun_cpu))
            found.append(set(hits.id_list()))
    times = {"wall_ms": statistics.median(wall), "cpu_ms": statistics.median(cpu)}
    return found, {name: round(value, 2) for name, value in times.items()}


def main() -> None:
    """Measures, and prints a JSON object for each index and effort."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=25_000)
    given = parser.parse_args()
    vectors, questions = made_rows(given.rows)
    spec = StoreSpec("none", embedder_fingerprint="none", dimension=vectors.shape[1])
    with tempfile.TemporaryDirectory() as place:
        settings: dict[str, Any] = {"path": Path(place) / "index", "exact_below": 0}
        store = LanceStore(**settings).open(spec)
        fill(store, vectors)
        store.prepare()
        truth, times = asked(store, questions)
        print(json.dumps({"index": "none", "rows": given.rows, "recall@10": 1.0, **times}), flush=True)
        store.close()
        for kind, efforts in EFFORTS.items():
            built_s = None
            for effort in efforts:
                store = LanceStore(**settings, index=kind, **effort).open(spec)
                begun = time.perf_counter()
                store.prepare()
                built_s = built_s or round(time.perf_counter() - begun, 1)
                found, times = asked(store, questions)
                recall = statistics.mean(len(a & b) / K for a, b in zip(truth, found, strict=True))
                line = {"index": kind, **effort, "recall@10": round(recall, 4), **times, "built_s": built_s}
                print(json.dumps(line), flush=True)
                store.close()


if __name__ == "__main__":
    main()
