"""What `retrieve` and `ask` add to the time of the embedding model.

    python evals/benchmarks/app_overhead.py

Indexes the example handbook with the bundled model under a clock, asks its English questions, and takes from
each call the time spent inside the model. The first round reads passages that were not read before; in later
rounds their sentences and vectors are remembered, as in a process that runs for a while. Prints medians.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import ragkit
from ragkit.models.bundled_embedder import BundledEmbedder
from ragkit.protocols import TextKind, Vectors

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUNDS = 3
clock = {"model": 0.0}


@ragkit.register
class TimedEmbedder(BundledEmbedder):
    """The bundled embedder with a clock around it."""

    use = "embed/timed"

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """As the model's, with its time added up."""
        start = time.perf_counter()
        vectors = super().embed(texts, kind)
        clock["model"] += time.perf_counter() - start
        return vectors


def main() -> None:
    """Prints one line per call."""
    lines = (EXAMPLES / "questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [q["text"] for q in map(json.loads, lines) if q["metadata"]["lang"] == "en"]
    settings = {"models.embed": {"use": "embed/timed"}}
    with tempfile.TemporaryDirectory() as index:
        with ragkit.open(index, set=settings) as rag:
            rag.ingest(EXAMPLES / "corpus", progress=False)
        for name in ("retrieve", "ask"):
            with ragkit.open(index, set=settings) as rag:
                call: Callable[[str], object] = getattr(rag, name)
                call("warm up")
                for when in ("first round", "later rounds"):
                    timed = [measured(call, q) for q in questions * (1 if when == "first round" else ROUNDS)]
                    print(
                        f"{name:<9} {when:<13} whole {median_ms(w for w, _ in timed):7.2f} ms   "
                        f"beyond the model {median_ms(b for _, b in timed):6.2f} ms   n {len(timed)}"
                    )


def measured(call: Callable[[str], object], question: str) -> tuple[float, float]:
    """Seconds of a call, and how many of them were not spent in the model."""
    clock["model"] = 0.0
    start = time.perf_counter()
    call(question)
    whole = time.perf_counter() - start
    return whole, whole - clock["model"]


def median_ms(seconds: Iterable[float]) -> float:
    """The median in milliseconds."""
    return statistics.median(seconds) * 1e3


if __name__ == "__main__":
    main()
