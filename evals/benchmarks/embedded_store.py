"""What the embedded store costs beside its vectors and its model: memory, opening, writing.

    OMP_NUM_THREADS=1 python evals/benchmarks/embedded_store.py [--rows 100000] [--passages 2000] [--data DIR]

Memory and opening: for each index a fresh process opens the store, searches, and searches with filters that
keep 1, 10 and 50 %. `anonymous_mb` is RssAnon of /proc/self/status: pages of mapped files are not in it. The
ratio is to the raw vectors. Writing: the time in `commit` and in the analysis against the time of the
bundled model on the same passages, in processor seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from bm25_search import lines_of

from ragkit.filters import Lt
from ragkit.models.embedder import OnnxEmbedder
from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit.text.analyze import Analyzer


def anonymous_mb() -> float:
    """Memory of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("RssAnon: not in /proc/self/status. Run this on Linux")


def probe(kind: str, folder: Path) -> None:
    """In a process of its own: opens, searches, prints one JSON line."""
    imported = anonymous_mb()
    index = {"exact": {"use": "index/exact"}}.get(kind) or {"use": "index/faiss", "kind": kind}
    query = np.full((1, 384), 384**-0.5, dtype=np.float32)
    start, wall = time.process_time(), time.perf_counter()
    store = LocalStore(path=folder, index=index).open()
    opened = time.process_time() - start
    store.search(query, 10, Scope())
    first, first_wall = time.process_time() - start, time.perf_counter() - wall
    n, searched = store.counts().chunks, anonymous_mb()
    for share in (1, 10, 50):
        for _ in range(4):
            store.search(query, 10, Scope(filter=Lt("draw", share)))
    raw = n * 384 * 4 / 2**20
    line = {
        "index": kind,
        "rows": n,
        "open_s": round(opened, 3),
        "open_and_first_query_s": round(first, 3),
        "the_same_by_the_clock_s": round(first_wall, 3),
        "imported_mb": round(imported, 1),
        "searched_mb": round(searched, 1),
        "filtered_mb": round(anonymous_mb(), 1),
        "vectors_mb": round(raw, 1),
        "ratio": round(searched / raw, 3),
        "ratio_filtered": round(anonymous_mb() / raw, 3),
    }
    print(json.dumps(line), flush=True)


def texts_of(data: Path | None, n: int) -> list[str]:
    """Passages of a corpus.jsonl(.gz), or made of words drawn after Zipf's law."""
    if data is None:
        from store_query import make_passages

        return make_passages(np.random.default_rng(7), n)[0]
    corpus = next(p for p in (data / "corpus.jsonl.gz", data / "corpus.jsonl") if p.exists())
    return [record["text"] for record in islice(lines_of(corpus), n)]


def batches(n: int, size: int) -> Iterator[range]:
    """Ranges of at most `size` numbers below `n`."""
    for start in range(0, n, size):
        yield range(start, min(start + size, n))


def writing(texts: list[str]) -> None:
    """Analysis and commits of 500 documents against the bundled model."""
    embedder, analyzer = OnnxEmbedder(), Analyzer()
    embedder.embed(texts[:8], "passage")
    spent = {"embed": 0.0, "analyse": 0.0, "commit": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        spec = StoreSpec("none", embedder_fingerprint="none", dimension=embedder.dimension)
        store = LocalStore(path=Path(folder) / "index").open(spec)
        for some in batches(len(texts), 500):
            t0 = time.process_time()
            vectors = embedder.embed([texts[i] for i in some], "passage")
            t1 = time.process_time()
            terms = [" ".join(analyzer.terms(texts[i])) or "none" for i in some]
            t2 = time.process_time()
            changes = [put(f"d{i}", [(t, v)]) for i, t, v in zip(some, terms, vectors, strict=True)]
            t3 = time.process_time()
            store.commit(changes)
            t4 = time.process_time()
            for name, seconds in zip(spent, (t1 - t0, t2 - t1, t4 - t3), strict=True):
                spent[name] += seconds
        store.close()
    share = (spent["analyse"] + spent["commit"]) / spent["embed"]
    line = {
        "passages": len(texts),
        "us_per_passage": {n: round(s / len(texts) * 1e6, 1) for n, s in spent.items()},
    }
    print(json.dumps(line | {"analysis_and_commit_to_embedding": round(share, 4)}), flush=True)


def main() -> None:
    """Measures what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--passages", type=int, default=2000)
    arguments.add_argument("--data", type=Path, default=None, help="folder of a corpus.jsonl to write")
    arguments.add_argument("--index", nargs="*", default=["exact", "flat"])
    arguments.add_argument("--folder", type=Path, default=None)
    arguments.add_argument("--probe", default=None, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.probe is not None:
        probe(given.probe, given.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "index"
        if not folder.exists():
            from dense_search import Data, fill

            fill(folder, Data.made(given.rows, 1))
        for kind in given.index:
            command = [sys.executable, __file__, "--probe", kind, "--folder", str(folder)]
            subprocess.run(command, check=True)
    if given.passages:
        writing(texts_of(given.data, given.passages))


if __name__ == "__main__":
    main()
