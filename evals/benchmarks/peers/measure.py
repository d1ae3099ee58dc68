"""Runs the worker of a library in its environment, and what is measured around it."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evals.benchmarks.peers.environments import ROOT, Environment, quiet
from evals.benchmarks.peers.material import order_task, start_task
from evals.benchmarks.peers.task import digest_of, write_task
from evals.benchmarks.peers.turns import default_turns, turn
from evals.benchmarks.peers.watch import ran

STARTS = 3
_LIMIT_S = 3600
_LAST_LINES = 3


@dataclass(frozen=True, slots=True)
class Start:
    """From the start of the interpreter to the first answer, of a program over twenty passages."""

    wall_s: float = field(kw_only=True)
    cpu_s: float = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Order:
    """Whether passages of the same text came in the same order."""

    in_another_process: bool = field(kw_only=True)
    after_another_order: bool = field(kw_only=True)
    n_found: int = field(kw_only=True)


class WorkerFailedError(Exception):
    """A worker ended with an error; the message is its last lines."""


@contextmanager
def code_folder() -> Iterator[Path]:
    """A folder for PYTHONPATH that holds these programs and not the library's source."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "evals").symlink_to(ROOT / "evals")
        yield Path(folder)


def run_set(
    env: Environment,
    task: Path,
    out: Path,
    code: Path,
    *,
    variants: bool,
    kept_only: bool = False,
    jobs: int = 1,
) -> dict[str, Any]:
    """The report of a library on a task; one that is in `out` already, of the same task, is taken.

    It waits while `jobs` workers of this machine's user are running.

    Raises:
        WorkerFailedError: it ended with an error, or is not in `out` and `kept_only` is set.
    """
    of = {"task": digest_of(task), "environment": _installed(env), "variants": variants}
    about = out / "of.json"
    if not about.exists() or json.loads(about.read_text(encoding="utf-8")) != of:
        if kept_only:
            raise WorkerFailedError(f"{env.name}: not measured")
        about.unlink(missing_ok=True)
        with turn(default_turns(), jobs):
            _worker(env, code, task, out, *([] if variants else ["--no-variants"]))
        about.write_text(json.dumps(of), encoding="utf-8")
    report: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return report


def around_of(
    env: Environment, kept: Path, work: Path, code: Path, *, kept_only: bool = False
) -> tuple[Start, Order]:
    """Start and order of a library; those of the same packages that are in `kept` already are taken.

    Raises:
        WorkerFailedError: it ended with an error, or is not in `kept` and `kept_only` is set.
    """
    path = kept / f"{_installed(env)}.json"
    if kept_only and not path.exists():
        raise WorkerFailedError(f"{env.name}: not measured")
    if not path.exists():
        with turn(default_turns(), 1):
            start, order = start_of(env, code, work / "start"), order_of(env, code, work / "order")
        kept.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"start": asdict(start), "order": asdict(order)}), encoding="utf-8")
    found = json.loads(path.read_text(encoding="utf-8"))
    return Start(**found["start"]), Order(**found["order"])


def start_of(env: Environment, code: Path, folder: Path) -> Start:
    """The least wall and processor time of several starts: other programs only ever add to it."""
    write_task(start_task(), folder)
    walls, cpus = [], []
    for _ in range(STARTS):
        wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        _worker(env, code, folder, folder, "--only", "first")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - wall)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Start(wall_s=min(walls), cpu_s=statistics.median(cpus))


def order_of(env: Environment, code: Path, folder: Path) -> Order:
    """Asks three processes: two are the same but for the seed of Python's hashes, one ingests in reverse."""
    found = []
    for name, is_reversed, seed in (("once", False, 1), ("again", False, 2), ("reversed", True, 1)):
        write_task(order_task(is_reversed=is_reversed), folder / name)
        said = _worker(env, code, folder / name, folder / name, "--only", "order", hash_seed=seed)
        found.append(json.loads(said.splitlines()[-1]))
    return Order(
        in_another_process=found[0] == found[1],
        after_another_order=found[0] == found[2],
        n_found=len(found[0]),
    )


def _installed(env: Environment) -> str:
    """The name of its folder, which holds the digest of what is installed there."""
    return Path(str(env.python)).parents[1].name


def _worker(env: Environment, code: Path, task: Path, out: Path, *more: str, hash_seed: int = 0) -> str:
    assert env.python is not None
    names = [env.name, str(task), str(out), "--end-with-input", *more]
    command = [env.python, "-m", "evals.benchmarks.peers.worker", *names]
    try:
        done = ran(command, env=quiet(code, hash_seed), cwd=code, limit_s=_LIMIT_S)
    except subprocess.TimeoutExpired as e:
        raise WorkerFailedError(f"{env.name}: not done after {_LIMIT_S:,} s") from e
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-_LAST_LINES:]
        raise WorkerFailedError(f"{env.name}: {' '.join(last)}")
    return done.stdout
