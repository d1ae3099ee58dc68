"""An evaluation is killed at any moment and resumed: its outcomes are those of an unbroken run.

A stage notes each question that it is run for in a ledger outside of the run. Across all attempts at one run
no question is asked twice but those that were under way when a kill came.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scale import scaled

ROOT = Path(__file__).parents[2]
SEED = 50
KILLS = scaled(50, part=8) // 2  # of each kind
KILLS_PER_RUN = 4
AT_ONCE = 3
N_QUESTIONS, N_DOCUMENTS = 150, 40
LIMIT_S = 120

PROGRAM = f"""
import os, sys, time
from pathlib import Path

import ragkit
from ragkit.config.load import load_config
from ragkit.evaluation.dataset import load_dataset
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.run import run_pipeline
from ragkit.graph.stage import Stage, stage
from ragkit.types import Ranking

data, folder, cache, ledger, cached = sys.argv[1:]
notes = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

@stage("rerank/note")
class Note(Stage[Ranking, Ranking]):
    def run(self, ranking, ctx):
        os.write(notes, (ranking.plan.question + "\\n").encode())
        time.sleep(0.01)
        return ranking

Note.run.__annotations__ = {{"ranking": Ranking, "return": Ranking}}
ragkit.register(Note)
config = load_config('''
ragkit: 1
models: {{embed: {{use: embed/bundled}}}}
stores: {{local: {{use: store/local, path: ./index}}}}
collection: {{store: local, embed: embed}}
query:
  dense: {{use: retrieve/dense, in: question, k: 20}}
  sparse: {{use: retrieve/bm25, in: question, k: 20}}
  fuse: {{use: fuse/weighted, in: [dense, sparse], k: 5}}
  note: {{use: rerank/note}}
  generate: {{use: generate/extractive}}
''')
run_pipeline(
    Pipeline("killed", config=config),
    load_dataset(data),
    folder=Path(folder),
    cache=Path(cache),
    resume=True,
    concurrency={AT_ONCE},
    timing_n=0,
    stage_cache=cached == "cached",
    progress=lambda done, total, what: print(done, flush=True),
)
"""


def write_dataset(folder: Path) -> Path:
    """Documents and questions of a few random words."""
    (folder / "qrels").mkdir(parents=True)
    rng = random.Random(SEED)

    def words(n: int) -> str:
        return " ".join(f"word{rng.randrange(60)}" for _ in range(n))

    rows = [f'{{"_id": "d{i}", "text": "{words(15)}."}}\n' for i in range(N_DOCUMENTS)]
    (folder / "corpus.jsonl").write_text("".join(rows))
    rows = [f'{{"_id": "q{i}", "text": "number{i} {words(4)}"}}\n' for i in range(N_QUESTIONS)]
    (folder / "queries.jsonl").write_text("".join(rows))
    judged = [f"q{i}\td{i % N_DOCUMENTS}\t1\n" for i in range(N_QUESTIONS)]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))
    return folder


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run in a place of its own, with its own index and ledger."""

    data: Path
    place: Path
    cached: bool

    def start(self) -> subprocess.Popen[bytes]:
        """Begins it, or goes on with it."""
        self.place.mkdir(exist_ok=True)
        arguments = (self.data, self.place / "run", self.place / "cache", self.place / "ledger")
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments), "cached" if self.cached else "not"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path)), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
        )

    def finish(self) -> float:
        """Lets it come to its end; the seconds from its first sign of progress."""
        with self.start() as process:
            assert process.stdout is not None
            process.stdout.readline()
            begun = time.perf_counter()
            process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0
        return time.perf_counter() - begun

    def kill(self, after_s: float) -> bool:
        """Kills it so long after its first sign of progress; whether it was still running."""
        with self.start() as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(after_s)
            is_running = process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=LIMIT_S)
        return is_running

    @property
    def outcomes(self) -> bytes:
        """What it gave."""
        return (self.place / "run" / "outcomes.jsonl").read_bytes()

    @property
    def asked(self) -> Counter[str]:
        """How often the stage was run for each question."""
        return Counter((self.place / "ledger").read_text().splitlines())


@pytest.mark.parametrize("cached", [False, True], ids=["without a cache of stages", "with one"])
def test_a_killed_evaluation_gives_what_an_unbroken_one_does(tmp_path: Path, cached: bool) -> None:
    rng = random.Random(SEED + cached)
    data = write_dataset(tmp_path / "data")
    unbroken = Attempt(data, tmp_path / "unbroken", cached)
    seconds = unbroken.finish()
    assert set(unbroken.asked.values()) == {1}
    n_kills = n_runs = 0
    while n_kills < KILLS:
        broken = Attempt(data, tmp_path / f"broken{n_runs}", cached)
        n_runs, here = n_runs + 1, 0
        for _ in range(min(KILLS_PER_RUN, KILLS - n_kills)):
            here += broken.kill(rng.uniform(0, seconds / 2))
        broken.finish()
        n_kills += here
        assert broken.outcomes == unbroken.outcomes
        assert len(broken.asked) == N_QUESTIONS
        again = broken.asked.total() - N_QUESTIONS
        assert again <= here * AT_ONCE, f"seed {SEED}: {again} questions asked again after {here} kills"
    print(f"seed {SEED}: {n_kills} kills of {n_runs} runs of {seconds:.1f} s")
