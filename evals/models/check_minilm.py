"""What the int8 conversion of all-MiniLM-L6-v2 costs in retrieval quality, against its fp32 form.

    python evals/models/convert_minilm.py SOURCE build/minilm-fp32 --precision fp32
    python evals/models/check_minilm.py --fp32 build/minilm-fp32 --data DATASET [--data DATASET ...]

A data set is a folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv. Prints, per data set,
nDCG@10 of exact cosine search with each form, the number of queries, a 95% interval of the difference
(paired bootstrap over queries), and the cosine between the two forms' vectors. Exits 3 if a data set
loses more than `--allow`.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.models.embedder import BUNDLED, OnnxEmbedder

DEPTH = 10
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Documents and judged queries. `relevance` is by query id, then document id."""

    documents: dict[str, str]
    queries: dict[str, str]
    relevance: dict[str, dict[str, int]]


def read_set(folder: Path) -> RetrievalSet:
    """A data set in BEIR layout; queries without a judgement are left out."""
    relevance: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        relevance.setdefault(query, {})[document] = int(grade)
    corpus = _rows(folder / "corpus.jsonl")
    queries = _rows(folder / "queries.jsonl")
    return RetrievalSet(
        {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in corpus},
        {row["_id"]: row["text"] for row in queries if row["_id"] in relevance},
        relevance,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ndcg(
    data: RetrievalSet, documents: NDArray[np.float32], queries: NDArray[np.float32]
) -> NDArray[np.float64]:
    """nDCG@10 of each query, in their order; documents of equal score rank by id."""
    ids = np.array(list(data.documents))
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    values = []
    for query, vector in zip(data.queries, queries, strict=True):
        grades = data.relevance[query]
        top = np.lexsort((ids, -(documents @ vector)))[:DEPTH]
        gain = float(discounts[: len(top)] @ [max(grades.get(ids[i], 0), 0) for i in top])
        ideal = np.sort([grade for grade in grades.values() if grade > 0])[::-1][:DEPTH]
        values.append(gain / float(discounts[: len(ideal)] @ ideal) if len(ideal) else 0.0)
    return np.array(values)


def compare(folder: Path, fp32: OnnxEmbedder, int8: OnnxEmbedder) -> float:
    """Prints the comparison on one data set and returns the loss of nDCG@10."""
    data = read_set(folder)
    texts, questions = list(data.documents.values()), list(data.queries.values())
    exact, quantised = fp32.embed(texts, "passage"), int8.embed(texts, "passage")
    before = ndcg(data, exact, fp32.embed(questions, "query"))
    after = ndcg(data, quantised, int8.embed(questions, "query"))
    change = after - before
    draws = np.random.default_rng(0).integers(0, len(change), (RESAMPLES, len(change)))
    low, high = np.quantile(change[draws].mean(axis=1), [0.025, 0.975])
    cosine = np.einsum("ij,ij->i", exact, quantised)
    print(
        f"{folder.name}: documents={len(texts)} n={len(questions)} nDCG@10 fp32={before.mean():.4f} "
        f"int8={after.mean():.4f} change={change.mean():+.4f} [{low:+.4f}, {high:+.4f}] "
        f"cosine mean={cosine.mean():.4f} min={cosine.min():.4f}",
        flush=True,
    )
    return float(-change.mean())


def main() -> None:
    """Command line: --fp32 FOLDER --data FOLDER... [--int8 FOLDER] [--allow LOSS]."""
    parser = argparse.ArgumentParser(description="Compare the int8 model with fp32 on retrieval.")
    parser.add_argument("--fp32", type=Path, required=True)
    parser.add_argument("--int8", type=Path, default=BUNDLED)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--allow", type=float, default=0.005)
    arguments = parser.parse_args()
    fp32, int8 = OnnxEmbedder(arguments.fp32), OnnxEmbedder(arguments.int8)
    print(f"{fp32.fingerprint} against {int8.fingerprint}")
    losses = [compare(folder, fp32, int8) for folder in arguments.data]
    if max(losses) > arguments.allow:
        sys.exit(3)


if __name__ == "__main__":
    main()
