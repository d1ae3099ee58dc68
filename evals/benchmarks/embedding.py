"""Passages per second and query latency of the bundled embedder, beside sentence-transformers, on one core.

    python evals/benchmarks/embedding.py corpus.jsonl [more.jsonl ...] --original FOLDER

Each line of a corpus is JSON with `text` and an optional `title`. The two take turns on the same texts, so
that a busy machine slows both; what counts is CPU time, and the ratio is the median over the turns of the
ratio within a turn. sentence-transformers is measured where it is installed, with the original float32
weights in FOLDER (the source of `evals/models/convert_minilm.py`): once fed in batches as texts arrive
(unsorted), once with all texts in one call, which it sorts by length (sorted).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.models.embedder import OnnxEmbedder

BATCH = 32
QUERY = "how do I declare an optional query parameter?"
QUERY_CALLS = 30


@dataclass(slots=True)
class Contender:
    """A way to embed, and its CPU seconds per turn for all passages and for one query."""

    name: str
    embed_passages: Callable[[], Any]
    embed_query: Callable[[], Any]
    passages_s: list[float] = field(default_factory=list)
    query_s: list[float] = field(default_factory=list)

    def take_turn(self) -> None:
        """Measures both once more."""
        self.passages_s.append(_cpu_seconds(self.embed_passages, 1))
        self.query_s.append(_cpu_seconds(self.embed_query, QUERY_CALLS))


def _cpu_seconds(work: Callable[[], Any], calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - start) / calls


def read_texts(paths: list[Path], count: int, seed: int) -> list[str]:
    """`count` texts drawn evenly from the corpora, in random order."""
    draw = random.Random(seed)
    texts: list[str] = []
    for path in paths:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        passages = [f"{row.get('title', '')} {row['text']}".strip() for row in rows]
        texts += draw.sample(passages, min(len(passages), count // len(paths)))
    draw.shuffle(texts)
    return texts


def sentence_transformers(texts: list[str], original: Path) -> list[Contender]:
    """The original model in torch, unsorted and sorted."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(original), device="cpu")

    def unsorted() -> None:
        for start in range(0, len(texts), BATCH):
            model.encode(texts[start : start + BATCH], batch_size=BATCH)

    def query() -> None:
        model.encode([QUERY])

    return [
        Contender("sentence-transformers unsorted", unsorted, query),
        Contender("sentence-transformers sorted", lambda: model.encode(texts, batch_size=BATCH), query),
    ]


def main() -> None:
    """Command line: CORPUS... [--original FOLDER] [--count N] [--repeats N] [--seed N]."""
    parser = argparse.ArgumentParser(description="Benchmark the bundled embedder.")
    parser.add_argument("corpora", type=Path, nargs="+")
    parser.add_argument("--original", type=Path, help="folder with the original weights")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    texts = read_texts(arguments.corpora, arguments.count, arguments.seed)
    ours = OnnxEmbedder(threads=1)
    tokens = sorted(min(n + 2, ours.max_tokens) for n in ours.count_tokens(texts))
    print(
        f"n={len(texts)} seed={arguments.seed} repeats={arguments.repeats}; tokens: "
        f"mean {statistics.mean(tokens):.0f}, median {tokens[len(tokens) // 2]}, "
        f"10% up to {tokens[len(tokens) // 10]}, 10% from {tokens[-len(tokens) // 10]}"
    )
    runs = [Contender("ragkit", lambda: ours.embed(texts, "passage"), lambda: ours.embed([QUERY], "query"))]
    if arguments.original is None or importlib.util.find_spec("sentence_transformers") is None:
        print("sentence-transformers is left out: install it (and torch) and give --original FOLDER")
    else:
        runs += sentence_transformers(texts, arguments.original)
    for run in runs:
        run.embed_query()
    for _ in range(arguments.repeats):
        for run in runs:
            run.take_turn()
    for run in runs:
        ratio = statistics.median(a / b for a, b in zip(run.passages_s, runs[0].passages_s, strict=True))
        print(
            f"{run.name:31} {len(texts) / statistics.median(run.passages_s):6.1f} passages/s "
            f"{statistics.median(run.query_s) * 1e3:6.2f} ms a query; ragkit embeds {ratio:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
