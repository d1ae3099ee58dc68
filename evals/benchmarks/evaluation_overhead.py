"""What the harness costs beside the pipeline itself: a plain loop of `rag.ask` or `rag.retrieve` against it.

    OMP_NUM_THREADS=1 python evals/benchmarks/evaluation_overhead.py DATASET [--questions 100] [--rounds 5]

DATASET is a folder in BEIR layout. Both ways ask the same questions, one at a time, block by block in turns,
each through objects of its own, so that neither finds in memory what the other has worked out. The harness
writes its journal and, in the last row, a cache of stages that is empty when a round begins. The clock is the
processor time of the process; wall time is given for the questions in flight together.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ragkit.app import RAG
from ragkit.config.defaults import default_config
from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.evaluation.runner.ask import Asked, Asker
from ragkit.evaluation.runner.flight import asked_all
from ragkit.evaluation.runner.journal import Journal
from ragkit.evaluation.runner.opened import Opened, opened
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.stage_cache import StageCache
from ragkit.graph.sync import run_sync
from ragkit.models.workers import usable_cores

BLOCK = 10
Way = Callable[[Sequence[Question]], None]

PIPELINES = {
    "answers": Pipeline("answers", config=default_config()),
    "retrieve 100": Pipeline("retrieve", config=default_config(), answers=False),
    "bm25 100": Pipeline("bm25", config=default_config(), answers=False, retriever="bm25"),
}


def plain(ready: Opened) -> Way:
    rag = RAG(ready.config, create=False)
    pipeline = ready.pipeline

    def ask(questions: Sequence[Question]) -> None:
        for question in questions:
            if pipeline.answers:
                rag.ask(question.text, history=question.history)
            else:
                rag.retrieve(question.text, k=pipeline.k, retriever=pipeline.retriever)

    return ask


def harness(ready: Opened, folder: Path, *, cache: StageCache | None = None, at_once: int = 1) -> Way:
    journal = Journal.open(folder, {}, resume=False)
    asker = Asker(ready, cache)

    def take(question: Question, asked: Asked) -> None:
        assert asked.outcome.error is None, asked.outcome.error
        journal.add(asked.outcome, asked.line)

    return lambda questions: run_sync(asked_all(asker, questions, at_once=at_once, take=take))


def seconds(way: Way, questions: Sequence[Question], clock: Callable[[], float]) -> float:
    start = clock()
    way(questions)
    return clock() - start


def measure(
    pipeline: Pipeline, dataset: Dataset, cache: Path, questions: Sequence[Question], rounds: int
) -> None:
    print(f"{pipeline.name}: {len(questions)} questions, {rounds} rounds")
    totals: dict[str, list[float]] = {}
    for turn in range(rounds):
        with ExitStack() as stack:
            ready = [stack.enter_context(opened(pipeline, dataset, cache)) for _ in range(4)]
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stages = stack.enter_context(StageCache(scratch / "stages.sqlite", ready[2].keys))
            ways = {
                "plain loop": plain(ready[0]),
                "harness": harness(ready[1], scratch / "a"),
                "harness, empty cache of stages": harness(ready[2], scratch / "b", cache=stages),
            }
            for way in ways.values():
                way(questions[:3])  # loads the models
            times = dict.fromkeys(ways, 0.0)
            for at in range(3, len(questions), BLOCK):
                names = list(ways)
                shift = (turn + at // BLOCK) % len(names)
                for name in names[shift:] + names[:shift]:
                    times[name] += seconds(ways[name], questions[at : at + BLOCK], time.process_time)
            for name, total in times.items():
                totals.setdefault(name, []).append(total / (len(questions) - 3) * 1e3)
            if not turn:
                together = harness(ready[3], scratch / "c", at_once=usable_cores())
                together(questions[:3])
                alone = plain(ready[0])
                ready[0].collection.drop_caches()
                wall = [seconds(way, questions[3:], time.perf_counter) for way in (alone, together)]
    base = totals["plain loop"]
    for name, values in totals.items():
        ratios = [value / one for value, one in zip(values, base, strict=True)]
        print(
            f"  {name:32} {statistics.median(values):7.2f} ms of processor a question, ratio "
            f"{statistics.median(ratios):.3f} [{min(ratios):.3f}, {max(ratios):.3f}]"
        )
    print(f"  wall: plain {wall[0]:.2f} s, harness with {usable_cores()} under way {wall[1]:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="where indexes are kept; else they are made anew")
    parser.add_argument("--only", choices=PIPELINES, help="one pipeline alone")
    args = parser.parse_args()
    dataset = load_dataset(args.dataset)
    questions = list(dataset.judged.values())[: args.questions]
    with tempfile.TemporaryDirectory() as scratch:
        for pipeline in [PIPELINES[args.only]] if args.only else PIPELINES.values():
            measure(pipeline, dataset, args.cache or Path(scratch), questions, args.rounds)


if __name__ == "__main__":
    main()
