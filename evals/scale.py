"""Ingestion and search at a size of hundreds of thousands of passages: speed, memory, size, opening, latency.

    python evals/scale.py ingest FOLDER --index DIR [--embed bundled] [--limit N]
    python evals/scale.py query FOLDER --index DIR [--embed bundled] [--queries N]

FOLDER is in BEIR layout: `corpus.jsonl` or `corpus.jsonl.gz`, and `queries.jsonl` whose `metadata.page` names
the page that holds the answer (passages are called `page#n`). Each passage is a document of its own.

`--embed hashed` (the default) gives each text the mean of random directions of its words: far cheaper than
a model, so that the store is what is measured. `--embed bundled` is the real one, some 100 passages a second.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import resource
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import ragkit
from ragkit.protocols import TextKind, Vectors

_WORD = re.compile(r"\w+")
_N_DIRECTIONS = 65_536


@ragkit.register
class HashedWords:
    """An embedder without a model: the mean of fixed random directions, one per word."""

    use = "embed/hashed-words"
    name = "hashed-words"
    fingerprint = "hashed-words-1"
    dimension = 384
    max_tokens = 256
    languages: frozenset[str] = frozenset()

    class Config(ragkit.Settings):
        """No settings."""

    def __init__(self, **settings: Any) -> None:
        rng = np.random.default_rng(7)
        self._directions = rng.standard_normal((_N_DIRECTIONS, self.dimension), dtype=np.float32)

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for i, text in enumerate(texts):
            words = {zlib.crc32(w.encode()) % _N_DIRECTIONS for w in _WORD.findall(text.lower())} or {0}
            vectors[i] = self._directions[sorted(words)].sum(axis=0)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def passages(folder: Path, limit: int | None) -> Iterator[ragkit.Document]:
    """One document per row of the corpus, read as it goes."""
    path = next(p for p in (folder / "corpus.jsonl.gz", folder / "corpus.jsonl") if p.exists())
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as file
    ):
        for n, line in enumerate(file):
            if n == limit:
                return
            row = json.loads(line)
            yield ragkit.Document(row["_id"], row["text"], metadata={"title": row.get("title", "")})


def opened(args: argparse.Namespace) -> ragkit.RAG:
    """The default graph over the index, with the chosen embedder."""
    name = "embed/bundled" if args.embed == "bundled" else HashedWords.use
    return ragkit.open(args.index, set={"models.embed.use": name})


def ingest(args: argparse.Namespace) -> None:
    """Ingests all passages and prints what it took."""
    last = [0.0]

    def progress(done: int, total: int | None, what: str) -> None:
        if time.perf_counter() - last[0] > 30:
            last[0] = time.perf_counter()
            print(f"  {done:,} done, peak {_peak_mb():,.0f} MB", flush=True)

    with opened(args) as rag:
        report = rag.ingest(passages(args.folder, args.limit), progress=progress)
    size = sum(p.stat().st_size for p in args.index.rglob("*") if p.is_file())
    print(
        f"{report.seen:,} seen, {report.committed:,} committed, {report.unchanged:,} unchanged, "
        f"{report.quarantined} quarantined, {report.rejected} rejected; {report.chunks:,} chunks\n"
        f"{report.seconds:,.0f} s, {report.chunks / report.seconds:,.0f} passages/s, peak resident "
        f"{_peak_mb():,.0f} MB, index {size / 2**20:,.0f} MiB"
    )


def query(args: argparse.Namespace) -> None:
    """Opens the index, asks each question, prints times and how often the page was among the first ten."""
    rows = [json.loads(line) for line in (args.folder / "queries.jsonl").open(encoding="utf-8")]
    start = time.perf_counter()
    with opened(args) as rag:
        status = rag.status()
        rag.retrieve("a first question", k=10)
        print(f"{status.chunks:,} chunks; opened, and the first question answered, in "
              f"{time.perf_counter() - start:.2f} s; resident {_resident_mb()}")  # fmt: skip
        for retriever in ("dense", "bm25", "hybrid"):
            seconds, n_found = [], 0
            for row in rows[: args.queries]:
                begin = time.perf_counter()
                ranking = rag.retrieve(row["text"], k=10, retriever=retriever)
                seconds.append(time.perf_counter() - begin)
                pages = {hit.chunk.document_id.rpartition("#")[0] for hit in ranking.hits}
                n_found += row["metadata"]["page"] in pages
            p50, p95 = np.percentile(seconds, [50, 95]) * 1e3
            print(f"{retriever:>7}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, page@10 {n_found / len(seconds):.3f} "
                  f"(n={len(seconds)})")  # fmt: skip
        print(f"after all questions: resident {_resident_mb()}")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _resident_mb() -> str:
    """Memory of the process, and what is mapped from files, which the system takes back when needed."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith("Rss")}
    return f"{found['RssAnon']:,.0f} MB, and {found['RssFile']:,.0f} MB mapped"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["ingest", "query"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--embed", choices=["hashed", "bundled"], default="hashed")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--queries", type=int, default=1000)
    args = parser.parse_args()
    {"ingest": ingest, "query": query}[args.step](args)


if __name__ == "__main__":
    main()
