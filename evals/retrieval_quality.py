"""Retrieval quality of the shipped default on collections in BEIR layout.

    python evals/retrieval_quality.py DATA/scifact DATA/squad11-dev
    python evals/retrieval_quality.py DATA/docs --raw DATA/docs/raw      # ingest files instead of corpus rows

Every corpus row becomes one document (title and text); hits count for their document by their best chunk.
Prints nDCG@10 for BM25 alone, dense alone, and the default graph, with n and a bootstrap interval of the
difference between the default and BM25, then seconds for ingestion and per question.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

import ragkit
from ragkit.types import Document

DEPTH = 30
RETRIEVERS = ("bm25", "dense", "full")


def main() -> None:
    """Measures each folder given on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument(
        "--queries", type=int, default=0, help="take every n-th so that about this many remain"
    )
    parser.add_argument(
        "--set", action="append", default=[], help="override of the default config, KEY=VALUE"
    )
    args = parser.parse_args()
    overrides = dict(pair.split("=", 1) for pair in args.set)
    print(
        f"{'set':<18}{'n':>6}{'bm25':>8}{'dense':>8}{'default':>9}"
        "   default - bm25 [95 %]      ingest   retrieve"
    )
    for folder in args.folders:
        with tempfile.TemporaryDirectory() as index, ragkit.open(index, set=overrides) as rag:
            measure(rag, folder, args.split, args.queries)


def measure(rag: ragkit.RAG, folder: Path, split: str, n_queries: int) -> None:
    """Ingests one collection, asks its queries, prints one line."""
    start = time.perf_counter()
    report = rag.ingest(list(documents(folder / "corpus.jsonl")), progress=False)
    ingest_s = time.perf_counter() - start
    if report.committed != report.seen:
        print(f"  {report.seen - report.committed} of {report.seen} not committed: {report.documents[:3]}")
    relevant = qrels(folder / "qrels" / f"{split}.tsv")
    queries = {row["_id"]: row["text"] for row in rows(folder / "queries.jsonl") if row["_id"] in relevant}
    if n_queries and len(queries) > n_queries:
        queries = dict(list(queries.items())[:: max(1, len(queries) // n_queries)])
    scores: dict[str, list[float]] = {name: [] for name in RETRIEVERS}
    seconds: list[float] = []
    for query_id, text in queries.items():
        for name in RETRIEVERS:
            begin = time.perf_counter()
            hits = rag.retrieve(text, k=DEPTH, retriever=name).hits  # type: ignore[arg-type]
            if name == "full":
                seconds.append(time.perf_counter() - begin)
            ranked = list(dict.fromkeys(hit.chunk.document_id for hit in hits))
            scores[name].append(ndcg(ranked, relevant[query_id], 10))
    low, high = interval(np.array(scores["full"]) - np.array(scores["bm25"]))
    difference = statistics.mean(scores["full"]) - statistics.mean(scores["bm25"])
    name = f"{folder.parent.name}/{folder.name}" if len(folder.name) == 2 else folder.name
    print(
        f"{name:<18}{len(queries):>6}"
        f"{statistics.mean(scores['bm25']):>8.3f}{statistics.mean(scores['dense']):>8.3f}"
        f"{statistics.mean(scores['full']):>9.3f}   {difference:+.3f} [{low:+.3f}, {high:+.3f}]"
        f"{ingest_s:>10.1f} s  {statistics.median(seconds) * 1e3:>6.1f} ms p50",
        flush=True,
    )


def documents(path: Path) -> Iterator[Document]:
    """One document per corpus row: title, blank line, text."""
    for row in rows(path):
        title = (row.get("title") or "").strip()
        yield Document(row["_id"], f"{title}\n\n{row['text']}" if title else row["text"], uri=row["_id"])


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The objects of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def qrels(path: Path) -> dict[str, dict[str, int]]:
    """Judgements by query id from a BEIR `qrels` file."""
    judged: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query_id, document_id, grade = line.split("\t")
        judged.setdefault(query_id, {})[document_id] = int(float(grade))
    return judged


def ndcg(ranked: list[str], grades: Mapping[str, int], k: int) -> float:
    """nDCG@k with linear gains, as in trec_eval."""
    gained = sum(grades.get(d, 0) / math.log2(rank + 2) for rank, d in enumerate(ranked[:k]))
    ideal = sorted((g for g in grades.values() if g > 0), reverse=True)[:k]
    return gained / sum(g / math.log2(rank + 2) for rank, g in enumerate(ideal))


def interval(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    """A percentile bootstrap interval of the mean, 95 %, 2,000 resamples, seed 0."""
    picks = np.random.default_rng(0).integers(0, len(differences), (2_000, len(differences)))
    low, high = np.percentile(differences[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
