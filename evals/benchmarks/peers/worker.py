"""Runs one library on one task, in that library's own environment.

    python -m evals.benchmarks.peers.worker NAME TASK OUT [--only first|order] [--end-with-input]

Writes OUT/report.json and a TREC run per way to search. `--only first` answers one question and ends, so that
a caller can time a program from its start to its first answer; `--only order` prints ten ids. With
`--end-with-input` it ends when its standard input does, which is when its caller is gone.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import resource
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evals.benchmarks.peers.adapter import Peer, Search
from evals.benchmarks.peers.encoder import Encoder
from evals.benchmarks.peers.task import Task, read_task
from evals.benchmarks.peers.watch import end_with_input

FILTER_K, FILTER_QUESTIONS, RARE = 10, 50, "rare"


def main() -> None:
    """Does what the arguments say."""
    parser = argparse.ArgumentParser(description="One library on one task.")
    parser.add_argument("name")
    parser.add_argument("task", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=["first", "order"])
    parser.add_argument("--no-variants", action="store_true")
    parser.add_argument("--end-with-input", action="store_true")
    given = parser.parse_args()
    if given.end_with_input:
        end_with_input()
    adapter = importlib.import_module(f"evals.benchmarks.peers.adapters.{given.name}")
    task = read_task(given.task)
    encoder = Encoder(task)
    with tempfile.TemporaryDirectory() as folder:
        peer: Peer = adapter.make(task, encoder, Path(folder))
        try:
            if given.only:
                print(json.dumps(first(peer, task, 10)))
                return
            report = measured(peer, task, encoder, given.out, variants=not given.no_variants)
        finally:
            peer.close()
    report["version"] = version(adapter.DISTRIBUTION)
    report["python"] = platform.python_version()
    (given.out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")


def first(peer: Peer, task: Task, n: int) -> list[str]:
    """The first ids for the first question."""
    peer.ingest()
    search = next(iter(peer.ways().values()))()
    return search(task.questions[0].text)[:n]


def measured(peer: Peer, task: Task, encoder: Encoder, out: Path, *, variants: bool) -> dict[str, Any]:
    """All that is measured of a library; the runs are written to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    peer.ingest()
    report: dict[str, Any] = {
        "ingest_s": time.perf_counter() - wall,
        "ingest_cpu_s": time.process_time() - cpu,
        "ways": {},
    }
    ways = list(peer.ways().items())
    for name, make in ways if variants else ways[:1]:
        report["ways"][name] = asked(make, task, out / f"{_file(name)}.trec")
    report["filter"] = filtered(peer, task)
    report["vectors"] = encoder.check()
    report["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return report


def asked(make: Callable[[], Search], task: Task, path: Path) -> dict[str, Any]:
    """Asks every question once, after one that is not counted, and writes the run."""
    search = make()
    lines: list[str] = []
    wall_ms, cpu_ms, failed = [], [], {}
    search(task.questions[-1].text)
    for question in task.questions:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            found = search(question.text)
        except Exception as e:  # whatever a library raises is a failed question, counted and shown
            failed[question.id] = "".join(traceback.format_exception_only(e)).strip()
            continue
        wall_ms.append((time.perf_counter() - wall) * 1e3)
        cpu_ms.append((time.process_time() - cpu) * 1e3)
        lines.extend(run_lines(question.id, found, path.stem))
    path.write_text("".join(lines), encoding="utf-8")
    return {"run": path.name, "wall_ms": wall_ms, "cpu_ms": cpu_ms, "failed": failed}


def run_lines(question: str, found: list[str], tag: str) -> list[str]:
    """The lines of a TREC run that keep an order; an id that comes again keeps its first place.

    >>> run_lines("q", ["b", "a", "b"], "mine")
    ['q Q0 b 1 2 mine\\n', 'q Q0 a 2 1 mine\\n']
    """
    ids = list(dict.fromkeys(found))
    return [f"{question} Q0 {id_} {at} {len(ids) + 1 - at} {tag}\n" for at, id_ in enumerate(ids, start=1)]


def filtered(peer: Peer, task: Task) -> dict[str, Any]:
    """Whether a filter for the rare shelf gives as many passages as it should, and none of another shelf."""
    shelves = {passage.id: passage.shelf for passage in task.passages}
    expected = min(FILTER_K, sum(shelf == RARE for shelf in shelves.values()))
    full, foreign, short = 0, 0, []
    questions = task.questions[:FILTER_QUESTIONS]
    try:
        search = peer.within(RARE, FILTER_K)
        for question in questions:
            found = list(dict.fromkeys(search(question.text)))[:FILTER_K]
            own = [id_ for id_ in found if shelves[id_] == RARE]
            foreign += len(found) > len(own)
            full += len(own) == expected
            short.append(len(own))
    except Exception as e:
        return {"error": "".join(traceback.format_exception_only(e)).strip()[:300]}
    return {
        "questions": len(questions),
        "expected": expected,
        "complete": full,
        "with_foreign": foreign,
        "mean_found": sum(short) / len(short),
    }


def _file(name: str) -> str:
    return name.replace(" ", "-")


if __name__ == "__main__":
    main()
