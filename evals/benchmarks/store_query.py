"""How fast a hybrid query is at the collection's own interface, beside the raw kernels in the same run.

    OMP_NUM_THREADS=1 python evals/benchmarks/store_query.py [--passages 1000] [--threads 16]

A query is: dense top 50 (its embedding given), BM25 top 50, reciprocal rank fusion, the texts of 10. The
corpus is made of words drawn after Zipf's law with a fixed seed, so it runs anywhere. "Raw" is the same
work without a store: one numpy product, one lookup in ready-made BM25 weights, fusion in a dict.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragkit.protocols import Change, TextKind, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit.types import QueryPlan

DIMENSION, VOCABULARY, WORDS, SEED = 384, 30_000, 80, 7


class WordAnalyzer:
    """Words as they stand: the analysis is not what is measured."""

    fingerprint = "words"

    def terms(self, text: str) -> list[str]:
        """The words."""
        return text.split()


class NoEmbedder:
    """A model that is never asked: the queries bring their vectors."""

    name, fingerprint, dimension, max_tokens = "none", "none", DIMENSION, 512
    languages: frozenset[str] = frozenset()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Not part of the measurement."""
        raise RuntimeError("the queries bring their vectors")


@dataclass(frozen=True, slots=True)
class Question:
    """A query's words and its vector."""

    text: str
    vector: Vectors


def make_passages(rng: np.random.Generator, n: int) -> tuple[list[str], Vectors]:
    """`n` passages of about 80 words, and unit vectors."""
    weights = 1 / np.arange(1, VOCABULARY + 1)
    words = rng.choice(VOCABULARY, size=(n, WORDS), p=weights / weights.sum())
    lengths = rng.integers(WORDS // 2, WORDS, size=n)
    texts = [" ".join(f"w{w}" for w in row[:length]) for row, length in zip(words, lengths, strict=True)]
    vectors = rng.normal(size=(n, DIMENSION)).astype(np.float32)
    return texts, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_questions(
    rng: np.random.Generator, texts: Sequence[str], vectors: Vectors, n: int
) -> list[Question]:
    """Eight words of a passage and a vector near its own."""
    questions = []
    for at in rng.integers(len(texts), size=n):
        words = rng.permutation(texts[at].split())[:8]
        vector = vectors[at] + rng.normal(scale=0.05, size=DIMENSION).astype(np.float32)
        questions.append(Question(" ".join(words), (vector / np.linalg.norm(vector)).astype(np.float32)))
    return questions


def fuse(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009, k = 60); the first 10."""
    scores: dict[str, float] = defaultdict(float)
    for ranking in rankings:
        for rank, identity in enumerate(ranking, start=61):
            scores[identity] += 1 / rank
    return sorted(scores, key=lambda i: (-scores[i], i))[:10]


class Hybrid:
    """A hybrid query at the collection's interface."""

    def __init__(self, collection: StoreCollection) -> None:
        self._collection = collection

    def __call__(self, question: Question) -> list[str]:
        plan: QueryPlan = self._collection.plan(question.text)
        dense = self._collection.dense([question.text], 50, plan, question.vector[None])[0]
        sparse = self._collection.bm25([question.text], 50, plan)[0]
        chunks = self._collection.fetch(fuse([dense.id_list(), sparse.id_list()]), plan)
        return [chunk.text for chunk in chunks if chunk is not None]


class Raw:
    """The same query with nothing around the kernels."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._texts, self._vectors = texts, vectors
        counts = [Counter(text.split()) for text in texts]
        lengths = np.array([sum(c.values()) for c in counts])
        norms = 0.9 * (0.6 + 0.4 * lengths / lengths.mean())
        rows: dict[str, list[int]] = defaultdict(list)
        for row, count in enumerate(counts):
            for word in count:
                rows[word].append(row)
        self._weights = {}
        for word, found in rows.items():
            tf = np.array([counts[row][word] for row in found])
            idf = np.log(1 + (len(texts) - len(found) + 0.5) / (len(found) + 0.5))
            self._weights[word] = (np.array(found), (idf * tf / (tf + norms[found])).astype(np.float32))

    def __call__(self, question: Question) -> list[str]:
        scores = np.zeros(len(self._texts), dtype=np.float32)
        for word in question.text.split():
            rows, weights = self._weights[word]
            scores[rows] += weights
        dense, sparse = _top(self._vectors @ question.vector, 50), _top(scores, 50)
        return [self._texts[int(i)] for i in fuse([[str(r) for r in dense], [str(r) for r in sparse]])]


def _top(scores: Vectors, k: int) -> list[int]:
    best = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
    ranked: list[int] = best[np.argsort(-scores[best], kind="stable")].tolist()
    return ranked


def latency_ms(query: Callable[[Question], list[str]], questions: Sequence[Question]) -> dict[str, float]:
    """Milliseconds of single queries, one after the other, after one warm pass."""
    for question in questions:
        query(question)
    times = []
    for question in questions:
        start = time.perf_counter()
        query(question)
        times.append((time.perf_counter() - start) * 1000)
    return {"p50": round(statistics.median(times), 4), "p99": round(float(np.percentile(times, 99)), 4)}


def queries_per_second(
    query: Callable[[Question], list[str]], questions: Sequence[Question], n_threads: int
) -> float:
    """Queries answered per second by `n_threads` threads at once, over about two seconds."""
    done, stop = [0] * n_threads, time.perf_counter() + 2.0

    def work(me: int) -> None:
        at = me
        while time.perf_counter() < stop:
            query(questions[at % len(questions)])
            at, done[me] = at + 1, done[me] + 1

    start = time.perf_counter()
    threads = [threading.Thread(target=work, args=(me,)) for me in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(sum(done) / (time.perf_counter() - start), 1)


def filled(folder: str, texts: Sequence[str], vectors: Vectors) -> StoreCollection:
    """A collection of the passages, ten to a document, written in commits of 1,000 documents."""
    spec = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)
    store = LocalStore(path=Path(folder) / "index").open(spec)
    changes: list[Change] = []
    for start in range(0, len(texts), 10):
        passages = [(texts[i], vectors[i]) for i in range(start, min(start + 10, len(texts)))]
        changes.append(put(f"d{start}", passages))
    for start in range(0, len(changes), 1000):
        store.commit(changes[start : start + 1000])
    return StoreCollection(store, embedder=NoEmbedder(), analyzer=WordAnalyzer())


def main() -> None:
    """Measures and prints one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--passages", type=int, default=1000)
    arguments.add_argument("--threads", type=int, default=16)
    given = arguments.parse_args()
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, given.passages)
    questions = make_questions(rng, texts, vectors, 500)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        collection = filled(folder, texts, vectors)
        seconds = time.perf_counter() - start
        hybrid, raw = Hybrid(collection), Raw(texts, vectors)
        ours, kernels = latency_ms(hybrid, questions), latency_ms(raw, questions)
        report = {
            "passages": given.passages,
            "seed": SEED,
            "write_us_per_passage": round(seconds / given.passages * 1e6, 1),
            "hybrid_ms": ours,
            "raw_ms": kernels,
            "ratio": round(ours["p50"] / kernels["p50"], 2),
            f"hybrid_qps_{given.threads}_threads": queries_per_second(hybrid, questions, given.threads),
            f"raw_qps_{given.threads}_threads": queries_per_second(raw, questions, given.threads),
        }
        collection.close()
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
