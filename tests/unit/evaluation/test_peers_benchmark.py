"""The benchmark beside other libraries: what it gives them, how it scores them, what it says of failures."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from evals.benchmarks.peers.__main__ import Bench
from evals.benchmarks.peers.adapter import DOCUMENTED
from evals.benchmarks.peers.encoder import Encoder, VectorsDifferError
from evals.benchmarks.peers.environments import (
    OURS,
    PEERS,
    Environment,
    default_folder,
    existing,
)
from evals.benchmarks.peers.material import Set, order_task, shelf_of, task_of
from evals.benchmarks.peers.measure import WorkerFailedError, code_folder, run_set
from evals.benchmarks.peers.scoring import corrected, lines_of
from evals.benchmarks.peers.task import digest_of, read_task, write_task
from evals.benchmarks.peers.turns import turn
from evals.benchmarks.peers.worker import run_lines
from ragkit.evaluation.dataset import load_dataset
from ragkit.evaluation.trec import read_run

ROOT = Path(__file__).parents[3]
TOPICS = {
    "pump": "The pump in the cellar is serviced every six months.",
    "lift": "The lift stops at each floor and carries eight people.",
    "roof": "The roof was covered with new slates in spring.",
    "keys": "Keys to the archive hang in the porter's lodge.",
    "heat": "Heating is turned down to seventeen degrees at night.",
    "bike": "Bicycles stand behind the house, under the lime tree.",
}
QUESTIONS = {
    "pump": "How often is the pump serviced?",
    "lift": "How many people does the lift carry?",
    "keys": "Where do I find the keys to the archive?",
    "heat": "How warm is it at night?",
}
LIMIT_S = 20.0
HERE = Environment(OURS, sys.executable, {"numpy": np.__version__}, mb=1.0)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end, f"not so after {LIMIT_S} s"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether a process works; one that has ended may still be listed until it is asked after."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return said.strip() != "" and not said.startswith("Z")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Set:
    folder = tmp_path_factory.mktemp("data") / "house"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": id_, "title": "", "text": f"\n{text} "} for id_, text in TOPICS.items()]
    queries = [{"_id": f"q-{id_}", "text": text} for id_, text in QUESTIONS.items()]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"q-{id_}\t{id_}\t1\n" for id_ in QUESTIONS)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    data = load_dataset(folder)
    return Set(data, task_of(data, "en", folder / "vectors"))


@pytest.fixture(scope="module")
def bench(house: Set, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """ragkit measured, another library that could not be installed."""
    broken = Environment("txtai", None, {}, problem="No matching distribution")
    work = tmp_path_factory.mktemp("work")
    with code_folder() as code:
        found = Bench([HERE, broken], code, work, work / "out", variants=False)
        found.measure(house)
    return found


def test_a_task_is_read_as_it_was_written(house: Set, tmp_path: Path) -> None:
    write_task(house.task, tmp_path)
    read = read_task(tmp_path)
    assert read.passages == house.task.passages
    assert read.passages[0].text == TOPICS["pump"]
    assert np.array_equal(read.passage_vectors, house.task.passage_vectors)


def test_another_question_makes_another_task(house: Set, tmp_path: Path) -> None:
    write_task(house.task, tmp_path)
    before = digest_of(tmp_path)
    (tmp_path / "questions.jsonl").write_text('{"id": "q", "text": "Another?"}\n')
    assert digest_of(tmp_path) != before


def test_ragkit_finds_what_is_asked_for(house: Set, bench: Bench) -> None:
    run = read_run(bench.out / "house" / OURS / f"{DOCUMENTED}.trec")
    assert {query: run.ranked(query)[0] for query in run.scores} == {f"q-{id_}": id_ for id_ in QUESTIONS}
    (report,) = bench.reports[OURS]
    assert report["filter"]["with_foreign"] == 0
    assert report["filter"]["complete"] == report["filter"]["questions"] == len(QUESTIONS)
    assert report["vectors"] == {"questions": 4, "passages": 6, "largest_difference": 0.0}


def test_what_could_not_be_installed_is_told(bench: Bench) -> None:
    page = bench.markdown()
    assert "txtai: not installed: No matching distribution" in page
    assert "| house | ragkit | 1.000 " in page
    assert bench.facts()["problems"] == bench.problems


def test_a_run_is_set_against_ragkits_question_by_question(house: Set, bench: Bench, tmp_path: Path) -> None:
    ours = (bench.out / "house" / OURS, bench.reports[OURS][0])
    worst = [
        line for id_ in QUESTIONS for line in run_lines(f"q-{id_}", [i for i in TOPICS if i != id_], "x")
    ]
    (tmp_path / "x.trec").write_text("".join(worst))
    way = {"run": "x.trec", "wall_ms": [1.0, 3.0], "cpu_ms": [1.0, 1.0], "failed": {}}
    other = (tmp_path, {"ways": {DOCUMENTED: way}, "ingest_s": 0.1, "ingest_cpu_s": 0.1})
    mine, theirs = corrected(lines_of(house.data, {OURS: ours, "other": other}))
    assert (mine.differences, mine.figures["nDCG@10"].mean) == ({}, 1.0)
    assert theirs.differences["nDCG@10"].mean == -1.0
    assert theirs.p_holm["nDCG@10"] == 2 * theirs.differences["nDCG@10"].p
    assert theirs.wall_ms == (2.0, 2.9)


def test_vectors_of_another_model_are_refused(house: Set, tmp_path: Path) -> None:
    write_task(house.task, tmp_path)
    with np.load(tmp_path / "vectors.npz") as found:
        np.savez(tmp_path / "vectors.npz", passages=found["passages"][::-1], questions=found["questions"])
    with pytest.raises(VectorsDifferError, match=r"allowed is 0\.001"):
        Encoder(read_task(tmp_path)).check()


def test_a_worker_that_fails_says_why(house: Set, tmp_path: Path) -> None:
    write_task(house.task, tmp_path)
    env = Environment("nonesuch", sys.executable, {})
    with code_folder() as code, pytest.raises(WorkerFailedError, match=r"adapters\.nonesuch"):
        run_set(env, tmp_path, tmp_path / "out", code, variants=False)


def test_a_worker_ends_when_its_caller_is_killed(tmp_path: Path) -> None:
    """The caller starts a process that would sleep for a minute, and is killed."""
    pid = tmp_path / "pid"
    sleeper = (
        "import os, pathlib, sys, time; from evals.benchmarks.peers.watch import end_with_input; "
        "end_with_input(); pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
    )
    caller = (
        "import os, sys, pathlib; from evals.benchmarks.peers.watch import ran; "
        "ran([sys.executable, '-c', *sys.argv[1:]], env=os.environ, cwd=pathlib.Path(), limit_s=60)"
    )
    started = subprocess.Popen([sys.executable, "-c", caller, sleeper, str(pid)], cwd=ROOT)
    until(lambda: pid.exists() and pid.read_text() != "")
    time.sleep(0.5)
    assert is_running(int(pid.read_text()))
    started.kill()
    started.wait()
    until(lambda: not is_running(int(pid.read_text())))


def test_no_more_workers_run_at_once_than_there_are_turns(tmp_path: Path) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with turn(tmp_path, 2):
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.05)
            with lock:
                running -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == 2


def test_one_passage_in_ten_is_rare() -> None:
    rare = sum(shelf_of(f"d{n}") == "rare" for n in range(1000))
    assert 70 <= rare <= 130


def test_the_passages_of_a_tie_are_the_same_in_reverse() -> None:
    once, back = order_task(is_reversed=False), order_task(is_reversed=True)
    assert once.passages == back.passages[::-1]
    assert np.array_equal(once.passage_vectors[0], back.passage_vectors[-1])


@pytest.mark.parametrize("name", PEERS)
def test_another_library_writes_a_run_that_can_be_scored(name: str, house: Set, tmp_path: Path) -> None:
    env = existing(name, default_folder())
    if env is None:
        pytest.skip(f"no environment of {name}: python -m evals.benchmarks.peers makes it")
    write_task(house.task, tmp_path)
    with code_folder() as code:
        report = run_set(env, tmp_path, tmp_path / "out", code, variants=True)
    for facts in report["ways"].values():
        assert facts["failed"] == {}
        run = read_run(tmp_path / "out" / facts["run"])
        assert {id_ for ranking in run.scores.values() for id_ in ranking} <= set(TOPICS)
        assert run.ranked("q-pump")[0] == "pump"
