"""Speed of our rerankers beside CrossEncoder of sentence-transformers: a model of its shape, fp32, same CPU.

    python evals/benchmarks/reranking.py                    # random weights of the shape of MiniLM-L6
    python evals/benchmarks/reranking.py --weights model.safetensors
    python evals/benchmarks/reranking.py --part lengths     # what sharing a call saves, by length

One query with `--passages` pairs of `--tokens` tokens: CPU seconds on one core, wall seconds on all, and how
many times as fast ragkit is. The contenders take turns, so that a busy machine slows both; a ratio is the
median over the turns of the ratio within a turn. Then `--queries` queries to ragkit on all cores, one after
the other and all at once, in turns: their throughput, CPU time, and the time that a caller waits.

The bundled reranker reads question and passage apart: it is timed as if every passage was new, and as if all
were kept from an earlier question. Speed does not depend on the weights; with those of `--weights` (the
encoder and `classifier.…` under the names of the published checkpoint) the agreement of the scores means
something too. sentence-transformers is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reranking_models import Scorer, original, random_weights, read_weights, write_ours

from ragkit.models.bundled_embedder import BundledEmbedder
from ragkit.models.bundled_reranker import BundledReranker
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import RerankerManifest, read_manifest
from ragkit.models.workers import usable_cores

KINDS = ("law", "tax", "rain", "house", "cat", "dog", "river", "city", "market", "school", "paper", "letter")
QUERY = "when is the tax of a house due"
LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256)
SHARED = (1, 2, 4, 8, 16)


def passages_of(tokens: int, count: int, seed: int) -> list[str]:
    """Passages of single-token words that make a pair of `tokens` tokens with the query."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(KINDS, k=tokens - len(QUERY.split()) - 3)) for _ in range(count)]


def in_turns(
    ways: Mapping[str, Callable[[], object]], repeats: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds of each way in each turn, after one turn that is not measured."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            start = clock()
            way()
            if turn:
                seconds[name].append(clock() - start)
    return seconds


def compare(
    title: str,
    scorers: Mapping[str, Scorer],
    passages: Sequence[str],
    repeats: int,
    clock: Callable[[], float],
) -> None:
    """Prints the median of each scorer and how it compares with the first."""
    ways = {name: lambda score=score: score(QUERY, passages) for name, score in scorers.items()}
    seconds = in_turns(ways, repeats, clock)
    first = next(iter(seconds.values()))
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, first, strict=True))
        print(f"{title:9} {name:24} {statistics.median(taken):6.3f} s  ragkit x {ratio:.2f}", flush=True)


@dataclass(frozen=True, slots=True)
class Rush:
    """Seconds that queries took: all together, of the processor, and each."""

    wall_s: float
    cpu_s: float
    each_s: list[float]


def at_once(score: Scorer, passages: Sequence[str], queries: int, callers: int) -> Rush:
    """Scores the passages for each query, with `callers` queries in flight."""

    def timed(number: int) -> float:
        start = time.perf_counter()
        score(f"{QUERY} {KINDS[number % len(KINDS)]}", passages)
        return time.perf_counter() - start

    start, cpu_start = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(callers) as pool:
        each = list(pool.map(timed, range(queries)))
    return Rush(time.perf_counter() - start, time.process_time() - cpu_start, each)


def read_before(passages: Sequence[str]) -> Scorer:
    """The bundled reranker with what ingestion keeps of the passages."""
    reranker = BundledReranker(kept_mb=0)
    _, readings = reranker.embed_and_read(passages, BundledEmbedder())
    return lambda query, texts: reranker.score_read(query, texts, readings)[0]


def concurrency(
    score: Scorer, passages: Sequence[str], queries: int, repeats: int, most: int | None = None
) -> None:
    """Prints throughput and times of queries one after the other and all, or `most`, at once, in turns."""
    runs: dict[int, list[Rush]] = {1: [], most or queries: []}
    for _ in range(repeats):
        for callers, taken in runs.items():
            taken.append(at_once(score, passages, queries, callers))
    for callers, taken in runs.items():
        gain = statistics.median(a.wall_s / b.wall_s for a, b in zip(runs[1], taken, strict=True))
        spared = statistics.median(a.cpu_s / b.cpu_s for a, b in zip(runs[1], taken, strict=True))
        cpu = statistics.median(run.cpu_s for run in taken) / queries
        each = [seconds for run in taken for seconds in run.each_s]
        print(
            f"{queries} queries, {callers:2} at once: "
            f"{queries / statistics.median(run.wall_s for run in taken):6.2f} queries/s (x {gain:.2f}), "
            f"CPU {cpu * 1e3:.0f} ms a query (x {spared:.2f}), "
            f"p50 {np.percentile(each, 50) * 1e3:.0f} ms, p95 {np.percentile(each, 95) * 1e3:.0f} ms",
            flush=True,
        )


def sharing(folder: Path, repeats: int) -> None:
    """Prints CPU milliseconds a pair when 1, 2, 4 … pairs of equal length share a call of the model."""
    manifest = read_manifest(folder, RerankerManifest)
    model = LoadedModel(folder, manifest, inputs=("input_ids", "segments"), outputs=("score",))
    draw = np.random.default_rng(0)
    for tokens in LENGTHS:
        ways = {}
        for count in SHARED:
            ids = draw.integers(1000, 30000, (count, tokens))
            feed, calls = {"input_ids": ids, "segments": np.ones_like(ids)}, SHARED[-1] // count
            if count * tokens <= 2 * LENGTHS[-1]:
                ways[str(count)] = lambda feed=feed, calls=calls: [model.run(feed) for _ in range(calls)]
        taken = in_turns(ways, repeats, time.process_time)
        told = (f"{n}: {statistics.median(s) / SHARED[-1] * 1e3:.2f}" for n, s in taken.items())
        print(f"{tokens:3} tokens, ms a pair by pairs in a call: {', '.join(told)}", flush=True)


def contenders(folder: Path, precision: str, passages: Sequence[str], threads: int) -> dict[str, Scorer]:
    """Our own: the cross-encoder of `folder`, and the bundled reranker without and with kept passages."""
    keeping = BundledReranker(threads=threads)
    keeping.score("anything", passages)
    return {
        f"ragkit {precision}": OnnxReranker(folder, threads=threads).score,
        "ragkit bundled": BundledReranker(threads=threads, kept_mb=0).score,
        "ragkit bundled, kept": keeping.score,
    }


def main() -> None:
    """Command line: see the module's text."""
    parser = argparse.ArgumentParser(description="Benchmark the ONNX reranker.")
    parser.add_argument("--weights", type=Path, help="safetensors file; random weights when left out")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--passages", type=int, default=50)
    parser.add_argument("--tokens", type=int, default=150, help="in a pair, special ones included")
    parser.add_argument("--queries", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=("speed", "concurrency", "lengths"), help="measure only this")
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    path, repeats = arguments.weights, arguments.repeats
    weights = read_weights(path, arguments.seed) if path else random_weights(arguments.seed)
    passages = passages_of(arguments.tokens, arguments.passages, arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        ours, theirs = Path(temporary) / "ours", Path(temporary) / "theirs"
        write_ours(ours, weights, arguments.precision, [(QUERY, passages_of(150, 16, arguments.seed + 1))])
        print(f"{len(passages)} pairs of {arguments.tokens} tokens, seed={arguments.seed} turns={repeats}")
        if arguments.part in (None, "speed"):
            scorers = contenders(ours, arguments.precision, passages, 1)
            with_original = bool(importlib.util.find_spec("sentence_transformers"))
            if with_original:
                scorers["sentence-transformers fp32"] = original(theirs, weights, 1)
            compare("one core", scorers, passages, repeats, time.process_time)
            if with_original:
                first, *_, last = (np.asarray(score(QUERY, passages)) for score in scorers.values())
                print(f"correlation of the scores: {np.corrcoef(first, last)[0, 1]:.4f}", flush=True)
            scorers = contenders(ours, arguments.precision, passages, usable_cores())
            if with_original:
                scorers["sentence-transformers fp32"] = original(theirs, weights, usable_cores())
            compare(f"{usable_cores()} cores", scorers, passages, repeats, time.perf_counter)
        if arguments.part in (None, "concurrency"):
            print(f"cross-encoder {arguments.precision}")
            concurrency(OnnxReranker(ours).score, passages, arguments.queries, repeats)
            print("bundled, passages new")
            concurrency(BundledReranker(kept_mb=0).score, passages, arguments.queries, repeats)
            print("bundled, passages read at ingestion")
            concurrency(read_before(passages), passages, 10 * arguments.queries, repeats, arguments.queries)
        if arguments.part in (None, "lengths"):
            sharing(ours, repeats)


if __name__ == "__main__":
    main()
