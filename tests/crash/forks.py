"""Runs jobs in processes of their own, forked from one that has everything imported and the library loaded.

A fresh interpreter takes half a second until it can open an index; a fork of one that has opened none takes
a few milliseconds, and there are thousands of calls to fail. A job is told only its folder and its notes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from ragkit import failpoints
from ragkit.errors import RagkitError
from tests.crash.checking import matched
from tests.crash.faulty_io import Controls, Fault
from tests.crash.ledger import Ledger, Notes
from tests.crash.workloads import Session, picture, session

LIMIT_S = 60
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Job:
    """One process: `work` does a workload with a fault, `check` compares with the ledger and resumes."""

    task: str
    workload: str
    folder: Path
    fault: Fault = Fault("count", 0)  # noqa: RUF009  (frozen)

    @property
    def notes(self) -> Path:
        """What the processes that worked on the folder say of their commits."""
        return self.folder.with_name(f"{self.folder.name}.notes")

    @property
    def trace(self) -> Path:
        """The calls of the process that worked with a fault."""
        return self.folder.with_name(f"{self.folder.name}.trace")

    @property
    def said(self) -> Path:
        """What a check gives."""
        return self.folder.with_name(f"{self.folder.name}.said")

    def to_json(self) -> str:
        """For the other side of a pipe."""
        return json.dumps([self.task, self.workload, str(self.folder), self.fault.mode, self.fault.at])

    @classmethod
    def from_json(cls, line: str) -> Job:
        """See `to_json`."""
        task, workload, folder, mode, at = json.loads(line)
        return cls(task, workload, Path(folder), Fault(mode, at))


# --- in the forked process ------------------------------------------------------------------------


def work(job: Job, controls: Controls) -> None:
    """The workload from its beginning. A fault that leaves the process alive is met as a user would.

    What was committed before is read while the fault lasts, the folder is copied as a crash would leave it,
    and then the same open store goes on from where it stopped.
    """
    notes = Notes(job.notes)
    with session(job.workload, job.folder, notes) as opened:
        _watch(job, notes)
        at_a_call = Fault("count", 0) if job.fault.is_of_ragkit else job.fault
        controls.arm(job.folder, at_a_call, job.trace)
        try:
            opened.go()
            opened.close()
            notes(ended="whole")
        except Exception as e:
            kind = "typed" if isinstance(e, RagkitError) else "bare"
            notes(ended=kind, error=type(e).__name__, message=str(e), trace=traceback.format_exc())
            try:
                if opened.is_open:
                    matched(opened.store, Ledger.read(job.notes))
                    notes(readable=True)
            finally:
                notes(calls=controls.disarm())
            _go_on(job, opened, notes)
        notes(calls=controls.disarm())


def _watch(job: Job, notes: Notes) -> None:
    """Dies at the failpoint that the fault names; where it names none, notes each that is reached."""
    n_left = job.fault.at

    def reached(name: str) -> None:
        nonlocal n_left
        if name == job.fault.failpoint:
            n_left -= 1
            if n_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        elif job.fault.failpoint is None:
            notes(reached=name)

    if job.fault.is_of_ragkit:
        failpoints.watch(reached)


def _go_on(job: Job, opened: Session, notes: Notes) -> None:
    crashed = job.folder.with_name(f"{job.folder.name}.crashed")
    if job.folder.exists():
        shutil.copytree(job.folder, crashed)
    shutil.copy(job.notes, crashed.with_name(f"{crashed.name}.notes"))
    opened.go(Ledger.read(job.notes).phase)
    notes(went_on=True)


def check(job: Job) -> None:
    """Compares the index with the ledger, resumes the workload, and says what the index is in the end."""
    ledger, said = Ledger.read(job.notes), Notes(job.said)
    with session(job.workload, job.folder) as opened:
        _is_sound(opened, "after the crash")
        matched(opened.store, ledger)
        said(found="acknowledged" if _is(opened, ledger.acknowledged) else "in flight")
        opened.go(ledger.phase)
        _is_sound(opened, "after the resume")
        said(picture=picture(opened.store))
    left = [
        path.name for path in job.folder.rglob("*") if path.is_file() and opened.erases in path.read_bytes()
    ]
    assert not opened.erases or not left, f"what was erased is still in {left}"


def _is_sound(opened: Session, when: str) -> None:
    problems = opened.store.verify()
    assert not problems, f"verify finds problems {when}: {problems}"


def _is(opened: Session, content: Any) -> bool:
    states = {s.document_id: s.content_hash for s in opened.store.states()}
    return states == {name: kept.content_hash for name, kept in content.items()}


def _run(job: Job) -> int:
    signal.alarm(LIMIT_S)
    try:
        if job.task == "work":
            work(job, Controls())
        else:
            check(job)
    except BaseException as e:
        Notes(job.said)(failed=f"{type(e).__name__}: {e}", trace=traceback.format_exc())
        return 1
    return 0


def main() -> None:
    """Takes one job per line, forks, and answers with the exit code, negative for a signal."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_run(Job.from_json(line)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


# --- in the process of the tests ------------------------------------------------------------------


class Forks:
    """A few processes that fork for each job. Use it as a context manager."""

    def __init__(self, library: Path, n: int = 2) -> None:
        self._servers = [_start(library) for _ in range(n)]
        self._free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for server in self._servers:
            self._free.put(server)

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *exc: object) -> None:
        for server in self._servers:
            server.communicate()

    def run(self, job: Job) -> int:
        """Runs a job and gives its exit code."""
        server = self._free.get()
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(job.to_json() + "\n")
            server.stdin.flush()
            return int(server.stdout.readline())
        finally:
            self._free.put(server)

    def each(self, do: Callable[[T], R], cases: Iterable[T]) -> Iterator[R]:
        """`do` of each case, as many at once as there are processes."""
        with ThreadPoolExecutor(len(self._servers)) as pool:
            yield from pool.map(do, cases)


def _start(library: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LD_PRELOAD": str(library),
        # A fork has no threads but its own.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.forks"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    main()
