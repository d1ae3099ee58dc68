"""Sixteen questions at once against sixteen one after the other, through the default's retrieval.

    taskset -c 0,1 python evals/benchmarks/concurrent_retrieval.py FOLDER [--rounds 40] [--retriever hybrid]
                                                                          [--others 0.05]

FOLDER is a dataset in BEIR layout; it is indexed by the default configuration. `full` reranks, `hybrid` does
not. In each round two fresh halves of questions are asked, one in each way, and the ways change places from
round to round, so that a busy moment of the machine falls on both. No question is asked twice: nothing comes
from a memory. Printed are the medians over the rounds of the throughput and of the ratio, the ratio's
interval (bootstrap of the rounds), and the processor time that a question takes in each way: where it is the
same, company saves no work, and what is gained is what one question alone leaves idle of the cores.

Other programs falsify the ratio: of two threads each is given a share of the cores, of one only one. So it is
said how much of the machine they took (Linux), and rounds in which they took more than `--others` do not
count; more are asked in their place, as long as there are questions.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np

import ragkit
from ragkit.evaluation.dataset import load_dataset

AT_ONCE = 16
WARM = 2  # rounds that are not counted


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds by the clock and of the processor for the same number of questions, in both ways, and what part
    of all cores other programs took meanwhile."""

    in_turn: float
    at_once: float
    in_turn_cpu: float
    at_once_cpu: float
    others: float


Ask = Callable[[str], Coroutine[Any, Any, object]]


async def ask_in_turn(ask: Ask, questions: Sequence[str]) -> None:
    """One after the other."""
    for question in questions:
        await ask(question)


async def ask_at_once(ask: Ask, questions: Sequence[str]) -> None:
    """All of them together."""
    async with anyio.create_task_group() as tasks:
        for question in questions:
            tasks.start_soon(ask, question)


async def timed(ask: Ask, questions: Sequence[str], *, together: bool) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    await (ask_at_once if together else ask_in_turn)(ask, questions)
    return time.perf_counter() - wall, time.process_time() - cpu


async def measured(ask: Ask, questions: Sequence[str], n_rounds: int, most_others: float) -> list[Round]:
    """The rounds that count, up to `n_rounds`, as far as the questions go."""
    rounds: list[Round] = []
    for number, start in enumerate(range(0, len(questions) - 2 * AT_ONCE + 1, 2 * AT_ONCE)):
        halves = questions[start : start + AT_ONCE], questions[start + AT_ONCE : start + 2 * AT_ONCE]
        order = (False, True) if number % 2 else (True, False)
        wall, busy, own = time.perf_counter(), machine_busy(), time.process_time()
        taken = {
            together: await timed(ask, half, together=together)
            for together, half in zip(order, halves, strict=True)
        }
        others = machine_busy() - busy - (time.process_time() - own)
        share = others / ((time.perf_counter() - wall) * (os.cpu_count() or 1))
        if number >= WARM and share <= most_others:
            rounds.append(Round(taken[False][0], taken[True][0], taken[False][1], taken[True][1], share))
        if len(rounds) == n_rounds:
            break
    return rounds


def machine_busy() -> float:
    """Seconds that all cores together have worked since the start, for whomever; 0 where it is not known."""
    try:
        user, nice, system, _, _, *others = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    except OSError:
        return 0.0
    return sum(map(int, (user, nice, system, *others))) / os.sysconf("SC_CLK_TCK")


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % of the medians of resampled rounds."""
    drawn = np.random.default_rng(0).choice(np.array(values), (10_000, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return float(low), float(high)


def report(rounds: Sequence[Round]) -> None:
    """Prints the medians."""
    ratios = [one.in_turn / one.at_once for one in rounds]
    low, high = interval(ratios)
    for name, seconds, cpu in (
        ("one after the other", [r.in_turn for r in rounds], [r.in_turn_cpu for r in rounds]),
        (f"{AT_ONCE} at once", [r.at_once for r in rounds], [r.at_once_cpu for r in rounds]),
    ):
        rate = statistics.median(AT_ONCE / value for value in seconds)
        busy = statistics.median(used / value for used, value in zip(cpu, seconds, strict=True))
        each = statistics.median(cpu) / AT_ONCE * 1e3
        print(f"{name:22}{rate:8.0f} questions/s{each:8.2f} ms of processor each{busy:6.2f} cores busy")
    others = statistics.median(one.others for one in rounds)
    print(
        f"ratio {statistics.median(ratios):.2f} [{low:.2f}, {high:.2f}], {len(rounds)} rounds, "
        f"other programs on {others:.0%} of the machine"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--others", type=float, default=1.0, help="most of the machine that others may take")
    parser.add_argument("--retriever", choices=["hybrid", "full"], default="full")
    parser.add_argument("--index", type=Path, help="an index of the folder that is there already")
    args = parser.parse_args()
    data = load_dataset(args.folder)
    needed = 2 * AT_ONCE * (args.rounds + WARM)
    texts = list(dict.fromkeys(question.text for question in data.judged.values()))
    if len(texts) < needed:
        parser.error(f"{args.folder} has {len(texts)} questions and {needed} are needed: fewer --rounds")
    with tempfile.TemporaryDirectory() as made, ragkit.open(args.index or made) as rag:
        if args.index is None:
            rag.ingest([row.document() for row in data.corpus()], progress=False)
        cores = len(os.sched_getaffinity(0))
        print(f"{data.name}: {rag.status().chunks:,} chunks, {cores} cores, load {os.getloadavg()[0]:.1f}")
        ask = partial(rag.aretrieve, retriever=args.retriever)
        rounds = anyio.run(measured, ask, texts, args.rounds, args.others)
    if not rounds:
        parser.exit(1, f"in no round did other programs take less than {args.others:.0%} of the machine\n")
    report(rounds)


if __name__ == "__main__":
    main()
