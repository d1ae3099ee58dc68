"""Dense search through the store beside raw FAISS on the same vectors, in the same process, in turns.

    OMP_NUM_THREADS=1 python evals/benchmarks/dense_search.py [--rows 100000] [--rounds 7] [--folder DIR]

One JSON line per index (`index/exact`, `index/faiss` flat and hnsw), filter and batch size: milliseconds per
search of ours and of each raw way, ours divided by the fastest raw one of equal results (median, least and
greatest over the rounds), and recall@10 against a product in float64. With a filter there are two ratios:
to what works from the bitmap or the list of rows, and (`ratio_to_copied`) to what has the rows' vectors
copied out beforehand.

Raw, without a filter: `faiss_index.search`, with the same build and search settings. With a filter, each is
given what the filter resolves to: FAISS with an `IDSelectorBitmap`; `gather`: copying the allowed rows out,
product, top k; `gathered`: the same over rows copied out beforehand. The filter was asked before: its first
resolution is printed as `first_ms`. `--folder` keeps the index for the next run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from interleaved import Way, in_turns
from numpy.typing import NDArray

from ragkit.fields import FieldSpec, FieldType
from ragkit.filters import Lt
from ragkit.protocols import Scope, Vectors
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put

DIMENSION, K, SEED, BATCH = 384, 10, 7, 32
INDEXES: dict[str, dict[str, object]] = {
    "exact": {"use": "index/exact"},
    "flat": {"use": "index/faiss", "kind": "flat"},
    "hnsw": {"use": "index/faiss", "kind": "hnsw"},
}
SPEC = StoreSpec(
    "none",
    embedder_fingerprint="none",
    dimension=DIMENSION,
    fields={"draw": FieldSpec("draw", FieldType.INTEGER)},
)


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Vectors in clusters, as texts give them; queries near some; a number below 100 for each row."""

    vectors: Vectors
    queries: Vectors
    draws: NDArray[np.int64]

    @classmethod
    def made(cls, n_rows: int, n_queries: int) -> Data:
        """Seeded: the same numbers each time."""
        rng = np.random.default_rng(SEED)
        centres = rng.normal(size=(max(n_rows // 100, 1), DIMENSION))
        vectors = centres[rng.integers(len(centres), size=n_rows)] + rng.normal(
            scale=0.8, size=(n_rows, DIMENSION)
        )
        draws = rng.integers(100, size=n_rows)
        queries = vectors[rng.integers(n_rows, size=n_queries)] + rng.normal(
            scale=0.5, size=(n_queries, DIMENSION)
        )
        return cls(_unit(vectors), _unit(queries), draws)


def _unit(vectors: NDArray[np.float64]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / lengths, dtype=np.float32)


def fill(folder: Path, data: Data) -> None:
    """An index of the rows, ten documents of one passage per number drawn and commit."""
    store = LocalStore(path=folder).open(SPEC)
    changes = [
        put(f"d{i}", [(f"w{i % 1000}", vector)], metadata={"draw": int(draw)})
        for i, (vector, draw) in enumerate(zip(data.vectors, data.draws, strict=True))
    ]
    for start in range(0, len(changes), 10_000):
        store.commit(changes[start : start + 10_000])
    store.close()


def raw_index(kind: str, vectors: Vectors, store: LocalStore) -> Any:
    """A flat index of the same vectors, or the graph of the store's own index: it takes minutes to build."""
    if kind == "hnsw":
        (part,) = store._reader.view(Scope()).snapshot.index._parts  # type: ignore[attr-defined]
        return part.index
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(vectors)
    return index


def top_of(products: Vectors) -> NDArray[np.intp]:
    """The K best of each row, best first."""
    best = np.argpartition(products, products.shape[1] - K, axis=1)[:, -K:]
    order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1)
    return np.asarray(np.take_along_axis(best, order, axis=1))


def raw_ways(kind: str, index: Any, vectors: Vectors, allowed: NDArray[np.bool_] | None) -> dict[str, Way]:
    """What a program without a store would write."""
    effort: dict[str, object] = {"efSearch": 128} if kind == "hnsw" else {}
    parameters = faiss.SearchParametersHNSW if kind == "hnsw" else faiss.SearchParameters
    if allowed is None:
        plain = parameters(**effort)
        return {"faiss": lambda q: index.search(q, K, params=plain)[1]}
    rows = np.flatnonzero(allowed)
    copied = np.ascontiguousarray(vectors[rows])
    selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    chosen = parameters(sel=selector, **effort)

    def product(matrix: Vectors, q: Vectors) -> NDArray[np.intp]:
        return np.asarray(rows[top_of((matrix @ q[0])[None] if len(q) == 1 else q @ matrix.T)])

    return {
        "faiss": lambda q: index.search(q, K, params=chosen)[1],
        "gather": lambda q: product(vectors[rows], q),
        "gathered": lambda q: product(copied, q),
        "gathered_faiss": lambda q: rows[faiss.knn(q, copied, K, metric=faiss.METRIC_INNER_PRODUCT)[1]],
    }


def recall(
    found: Callable[[Vectors], list[list[int]]], data: Data, allowed: NDArray[np.bool_] | None
) -> float:
    """Share of the true nearest that are found, over 50 queries."""
    queries = data.queries[:50]
    products = queries.astype(np.float64) @ data.vectors.T.astype(np.float64)
    if allowed is not None:
        products[:, ~allowed] = -np.inf
    truth = np.argsort(-products, axis=1)[:, :K]
    hits = sum(len(set(a) & set(b)) for a, b in zip(found(queries), truth.tolist(), strict=True))
    return hits / truth.size


def measure(kind: str, store: LocalStore, data: Data, share: int | None, n_rounds: int) -> None:
    """Prints a line for single queries and one for batches."""
    allowed = None if share is None else data.draws < share
    scope = Scope(filter=None if share is None else Lt("draw", share))
    start = time.perf_counter()
    store.search(data.queries[:1], K, scope)
    first_ms = (time.perf_counter() - start) * 1000
    row_of = {
        identity: row for row, identity in enumerate(store._reader.view(Scope()).snapshot.table.ids.tolist())
    }

    def rows(q: Vectors) -> list[list[int]]:
        return [[row_of[i] for i in hits.ids.tolist()] for hits in store.search(q, K, scope)]

    # As a collection asks: with the commit that it has pinned for the question. Otherwise the manifest is
    # asked for the current one each time.
    pinned = Scope(filter=scope.filter, commit=store.head())
    ways: dict[str, Way] = {
        "ours": lambda q: store.search(q, K, pinned),
        "ours_unpinned": lambda q: store.search(q, K, scope),
    }
    raw = raw_ways(kind, RAW[kind], data.vectors, allowed)
    ways |= raw
    recalls = {"ours": round(recall(rows, data, allowed), 3)}
    recalls |= {n: round(recall(lambda q, w=w: w(q).tolist(), data, allowed), 3) for n, w in raw.items()}  # type: ignore[misc]
    equal = [n for n in raw if recalls[n] >= recalls["ours"] - 0.002]
    for size in (1, BATCH):
        n = len(data.queries) // size
        items = [data.queries[i * size : (i + 1) * size] for i in range(n if size == 1 else min(n, 4))]
        times = in_turns(ways, items, n_rounds, block=10 if size == 1 else 2)
        copied = [n for n in equal if n.startswith("gathered")]
        best = min((n for n in equal if n not in copied), key=times.ms)
        line = {
            "index": kind,
            "rows": len(data.vectors),
            "kept": "all" if share is None else f"{share} %",
            "batch": size,
            "ms": {name: times.ms(name) for name in ways},
            "ratio": times.ratio("ours", best),
            "to": best,
            **({"ratio_to_copied": times.ratio("ours", min(copied, key=times.ms))} if copied else {}),
            "recall": recalls,
            "first_ms": round(first_ms, 2),
        }
        print(json.dumps(line), flush=True)


RAW: dict[str, Any] = {}


def main() -> None:
    """Measures what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--queries", type=int, default=128)
    arguments.add_argument("--index", nargs="*", default=list(INDEXES), choices=INDEXES)
    arguments.add_argument("--kept", nargs="*", type=int, default=[100, 50, 10, 1], help="per cent")
    arguments.add_argument("--folder", type=Path, default=None)
    given = arguments.parse_args()
    data = Data.made(given.rows, given.queries)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "index"
        if not folder.exists():
            fill(folder, data)
        for kind in given.index:
            store = LocalStore(path=folder, index=INDEXES[kind]).open(SPEC)
            start = time.perf_counter()
            store.search(data.queries[:1], K, Scope())
            print(json.dumps({"index": kind, "opened_s": round(time.perf_counter() - start, 3)}), flush=True)
            RAW[kind] = raw_index(kind, data.vectors, store)
            for share in given.kept:
                measure(kind, store, data, None if share == 100 else share, given.rounds)
            store.close()


if __name__ == "__main__":
    main()
