"""Recall and time of each kind of `index/faiss` by size: the table of docs/guide/faiss.md, and `kind: auto`.

    OMP_NUM_THREADS=1 python evals/benchmarks/faiss_kinds.py [--rows 10000 50000 100000] [--vectors FILE.npy]

One JSON line per size, kind and effort: recall@10 against a product (a row that ties with the tenth
counts), milliseconds for one query and for each of a batch of 32, seconds to build, bytes per vector of the
index's file. Times are the processor's, medians over the queries; the efforts of a kind search the same built
index.

The vectors are made like those that all-MiniLM-L6-v2 gives for passages of technical documentation: with a
common direction, components of falling variance, clusters of uneven size. `--vectors` takes the rows of a
file instead, of which the last 200 ask and are not in the index.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.protocols import Vectors
from ragkit.subsets import MARGIN
from ragkit_connectors.faiss import FaissIndex

DIMENSION, K, N_QUERIES, BATCH, SEED = 384, 10, 200, 32, 7
EFFORTS: dict[str, list[dict[str, int]]] = {
    "flat": [{}],
    "hnsw": [{"ef_search": n} for n in (16, 32, 64, 128, 256)],
    "ivf": [{"probes": n} for n in (8, 32, 64, 128)],
    "ivf-pq": [{"probes": p, "candidates": c} for p, c in ((32, 8), (32, 20), (64, 16), (128, 40))],
    "sq8": [{"candidates": n} for n in (1, 2, 4)],
    "rabitq": [{"probes": p, "candidates": c} for p, c in ((32, 8), (32, 20), (64, 16), (128, 40))],
}


def given_rows(path: Path, n_rows: int) -> tuple[Vectors, Vectors]:
    """Rows and queries out of a file."""
    vectors = np.load(path).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors[:-N_QUERIES][:n_rows]), np.ascontiguousarray(vectors[-N_QUERIES:])


def made_rows(n_rows: int) -> tuple[Vectors, Vectors]:
    """Rows and queries, seeded."""
    rng, n = np.random.default_rng(SEED), n_rows + N_QUERIES
    spread = np.arange(1, DIMENSION + 1, dtype=np.float32) ** np.float32(-0.4)
    spread /= np.linalg.norm(spread)
    centres = rng.standard_normal((n_rows // 30, DIMENSION), dtype=np.float32)
    share = rng.pareto(1.5, len(centres)) + 0.2
    vectors = centres[rng.choice(len(centres), size=n, p=share / share.sum())]
    vectors += rng.standard_normal((n, DIMENSION), dtype=np.float32)
    vectors *= spread * np.float32(0.5**0.5)
    vectors[:, 5:25] += np.float32(0.5 / 20**0.5)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors[:n_rows]), np.ascontiguousarray(vectors[n_rows:])


def with_effort(index: FaissIndex, effort: dict[str, int]) -> FaissIndex:
    """The same built parts, searched with another effort."""
    index._parts = tuple(
        dataclasses.replace(part, kind=dataclasses.replace(part.kind, **effort))  # type: ignore[type-var]
        for part in index._parts
    )
    return index


def bytes_per_row(index: FaissIndex) -> float:
    """Of the files; none where the rows are searched as they lie."""
    size = 0

    def count(block: bytes) -> None:
        nonlocal size
        size += len(block)

    for part in index.parts():
        part.write(count)
    return round(size / len(index._matrix), 1)


def milliseconds(index: FaissIndex, queries: Vectors, size: int) -> float:
    """For one query, in batches of a size."""
    times = []
    for start in range(0, len(queries) - size + 1, size):
        begun = time.process_time()
        index.search(queries[start : start + size], K, None)
        times.append((time.process_time() - begun) * 1000 / size)
    return round(statistics.median(times), 4)


def measured(kind: str, matrix: Vectors, queries: Vectors) -> Iterator[dict[str, Any]]:
    """A line per effort."""
    ids = np.arange(len(matrix)).astype("S32")
    tenth = np.array([np.partition(matrix @ query, -K)[-K] for query in queries])
    start = time.process_time()
    index = FaissIndex(kind=kind, device="cpu", train_rows=5_000).over(matrix, ids)
    build_s, size = time.process_time() - start, bytes_per_row(index)
    for effort in EFFORTS[kind]:
        with_effort(index, effort)
        rows, scores = index.search(queries, K, None)
        found = (rows >= 0) & (scores >= tenth[:, None] - MARGIN)
        yield {
            "rows": len(matrix),
            "kind": kind,
            **effort,
            "recall@10": round(float(found.mean()), 4),
            "ms": milliseconds(index, queries, 1),
            "ms_in_batch": milliseconds(index, queries, BATCH),
            "build_s": round(build_s, 1),
            "bytes_per_row": size,
        }


def main() -> None:
    """Measures what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rows", nargs="*", type=int, default=[10_000, 50_000, 100_000])
    arguments.add_argument("--kind", nargs="*", default=list(EFFORTS))
    arguments.add_argument("--vectors", type=Path, default=None, help="of shape [n, d], as NumPy saves them")
    given = arguments.parse_args()
    for n_rows in given.rows:
        matrix, queries = made_rows(n_rows) if given.vectors is None else given_rows(given.vectors, n_rows)
        for kind in given.kind:
            for line in measured(kind, matrix, queries):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
