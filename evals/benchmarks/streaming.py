"""How soon an answer can be read: first token, first checked sentence, whole answer, and what is taken back.

The model is paced: it writes sentences of the passages that were found, reworded, with markers in the shapes
that models use, at a steady number of tokens a second. With `--erring` one sentence in three has a wrong
number, and must not be shown. The times are those of the trace; the answers are those of the handbook in
`examples/corpus`, in English and Russian.

    python -m evals.benchmarks.streaming --questions 40
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

import ragkit
from evals.citation_corruptions import corrupted, faithful, names_in
from ragkit.chat import Completion, Delta, Message
from ragkit.events import Retracted, Shown, SoFar
from ragkit.generate.cited import CitedGenerate
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.verify.citations import VerifyCitations

ROOT = Path(__file__).parents[2]
SENTENCES = 6
CHARS_PER_TOKEN = 4


class Paced:
    """Writes at a steady rate; the same to the same question."""

    name = fingerprint = "paced"

    def __init__(self, rate: float, *, errs: bool, seed: int) -> None:
        self.rate, self.errs, self.seed = rate, errs, seed

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        done = self._done(messages)
        await anyio.sleep(len(done.text) / CHARS_PER_TOKEN / self.rate)
        return done

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        done, start_s = self._done(messages), time.perf_counter()
        for at in range(0, len(done.text), CHARS_PER_TOKEN):
            due_s = start_s + (at / CHARS_PER_TOKEN + 1) / self.rate
            await anyio.sleep(max(0.0, due_s - time.perf_counter()))
            yield Delta(done.text[at : at + CHARS_PER_TOKEN])
        yield done

    def _done(self, messages: Sequence[Message]) -> Completion:
        rng = random.Random(f"{self.seed} {messages[-1].text}")
        found = re.findall(r"<<passage \d+ \w+>>\n[^\n]*\n([\s\S]*?)\n<<end", messages[-1].text)
        said: list[str] = []
        n_said = 0
        while n_said < SENTENCES:
            written = faithful(found, rng)
            if written is None:
                break
            if self.errs and n_said % 3 == 1:
                written = corrupted("number", found, names_in(found), rng) or written
            said.append(written.text)
            n_said += len(written.sentences)
        text = "\n".join(said) or "NO_ANSWER_IN_PASSAGES"
        return Completion(text, model="paced", finish_reason="stop")


@dataclass(frozen=True, slots=True)
class Row:
    """One streamed answer. Times are seconds."""

    first_token_s: float | None
    first_sentence_s: float | None
    whole_s: float
    asked_s: float
    n_shown: int
    n_early: int
    n_retracted: int
    is_same: bool


def measured(rag: ragkit.RAG, question: str) -> Row:
    """A question asked twice: streamed, and not."""
    so_far, n_shown, n_retracted, last_token_s, shown_s = SoFar(), 0, 0, 0.0, []
    start_s = time.perf_counter()
    for event in rag.stream(question):
        so_far.take(event)
        n_retracted += isinstance(event, Retracted)
        if isinstance(event, Shown):
            n_shown += 1
            shown_s.append(time.perf_counter() - start_s)
        elif type(event).__name__ == "Token":
            last_token_s = time.perf_counter() - start_s
    answer = so_far.answer()
    facts = rag.trace(answer.trace_id)
    asked = rag.ask(question)
    usage = replace(asked.usage, seconds=answer.usage.seconds)
    return Row(
        facts.get("first_token_s"),
        facts.get("first_sentence_s"),
        answer.usage.seconds,
        asked.usage.seconds,
        n_shown,
        sum(at < last_token_s for at in shown_s),
        n_retracted,
        answer == asked.with_(usage=usage, trace_id=answer.trace_id),
    )


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=40, help="of the handbook's 97")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens a second that the model writes")
    parser.add_argument("--erring", action="store_true", help="one sentence in three has a wrong number")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    lines = (ROOT / "examples/questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["text"] for line in lines][: args.questions]
    model = Paced(args.rate, errs=args.erring, seed=args.seed)
    graph = Bm25Retrieve() >> WeightedFuse(k=6) >> CitedGenerate(llm=model) >> VerifyCitations()
    with tempfile.TemporaryDirectory() as folder, ragkit.open(folder, graph=graph) as rag:
        rag.ingest(ROOT / "examples/corpus", progress=False)
        measured(rag, questions[0])
        rows = [measured(rag, question) for question in questions]
    print_table(rows)


def print_table(rows: Sequence[Row]) -> None:
    """Medians and 95th percentiles of the times, and the counts."""
    columns = {
        "first token": [r.first_token_s for r in rows if r.first_token_s is not None],
        "first checked sentence": [r.first_sentence_s for r in rows if r.first_sentence_s is not None],
        "whole, streamed": [r.whole_s for r in rows],
        "whole, not streamed": [r.asked_s for r in rows],
    }
    print(f"{'seconds':<24}{'n':>5}{'median':>9}{'p95':>9}")
    for name, values in columns.items():
        if values:
            p95 = sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]
            print(f"{name:<24}{len(values):>5}{statistics.median(values):>9.3f}{p95:>9.3f}")
    n_shown, n_early = sum(r.n_shown for r in rows), sum(r.n_early for r in rows)
    print(f"sentences shown {n_shown}, of these before the last token {n_early}")
    print(f"taken back {sum(r.n_retracted for r in rows)}")
    print(f"answers that fold to the one not streamed {sum(r.is_same for r in rows)} of {len(rows)}")


if __name__ == "__main__":
    main()
