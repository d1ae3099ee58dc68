"""A process dies, or the disk fails, at any single system call: nothing acknowledged is lost or half there.

Every call by which the store changes its folder is made to fail in each way, in processes of their own; what
must be there is known from a ledger outside of the index.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import Scale
from tests.crash.faulty_io import Call, Fault, read_trace
from tests.crash.forks import Forks, Job
from tests.crash.ledger import Ledger
from tests.crash.workloads import WORKLOADS

KILLS = ("kill_before", "kill_after", "torn")
ERRORS = ("eio", "enospc", "full", "short")
REMEDY = re.compile(r"Free space and try again|Try again|Check (that|path|the folder)")


@dataclass(frozen=True, slots=True)
class Unbroken:
    """A workload that nothing interrupted: its calls, and what the index is in the end."""

    workload: str
    calls: list[Call]
    picture: dict[str, Any]

    def numbers_for(self, fault: Fault) -> list[int]:
        """The calls at which this fault is one of its own kind."""
        return [c.number for c in self.calls if c.can_be_halved or not fault.needs_bytes]


@pytest.fixture(scope="module")
def unbroken(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Unbroken]:
    """Runs a workload once, without a fault."""
    known: dict[str, Unbroken] = {}

    def run(workload: str) -> Unbroken:
        if workload not in known:
            job = Job("work", workload, tmp_path_factory.mktemp("unbroken").resolve() / workload)
            assert forks.run(job) == 0, job.said.read_text()
            assert Ledger.read(job.notes).results[0] == {"ended": "whole"}
            known[workload] = Unbroken(workload, read_trace(job.trace), final(forks, job))
        return known[workload]

    return run


def said_by(job: Job) -> dict[str, Any]:
    lines = job.said.read_text().splitlines() if job.said.exists() else []
    return {key: value for line in lines for key, value in json.loads(line).items()}


def final(forks: Forks, job: Job) -> dict[str, Any]:
    """What a fresh process finds, and brings to its end."""
    check = Job("check", job.workload, job.folder)
    code = forks.run(check)
    said = said_by(check)
    if code != 0:
        raise AssertionError(said.get("failed") or f"the check ended with {code}")
    picture: dict[str, Any] = said["picture"]
    return picture


@dataclass(frozen=True, slots=True)
class Case:
    """One workload with one fault. `violation` runs it and says what is wrong, or None."""

    unbroken: Unbroken
    fault: Fault
    folder: Path

    @property
    def job(self) -> Job:
        """The process that meets the fault."""
        return Job("work", self.unbroken.workload, self.folder / "index", self.fault)

    def violation(self, forks: Forks) -> str | None:
        """Runs it."""
        self.folder.mkdir(parents=True)
        try:
            (self._die if self.fault.kills else self._fail)(forks)
        except AssertionError as e:
            calls = read_trace(self.job.trace)
            at = calls[self.fault.at - 1] if len(calls) >= self.fault.at else None
            where = at and f"{at.name} of {at.path.relative_to(self.folder)}"
            return f"{self.unbroken.workload}: {self.fault} ({where}): {e}"
        finally:
            shutil.rmtree(self.folder)
        return None

    def _die(self, forks: Forks) -> None:
        code = forks.run(self.job)
        assert code == -9, f"the process ended with {code}: {said_by(self.job)}"
        self._is_resumed(forks, self.job.folder)

    def _fail(self, forks: Forks) -> None:
        code = forks.run(self.job)
        results = [*Ledger.read(self.job.notes).results, said_by(self.job)]
        notes = {key: value for note in results for key, value in note.items()}
        shown = f"{notes.get('error')}: {notes.get('message')}"
        assert notes.get("ended") != "bare", f"{shown}{_last_line(notes)}"
        if notes.get("ended") == "typed":
            assert notes["error"] in ("TransientStoreError", "StoreError"), shown
            assert REMEDY.search(notes["message"]), f"no remedy in {shown}"
            assert str(self.job.folder) in notes["message"], f"does not say where: {shown}"
        assert code == 0, f"after {shown}, going on: {notes.get('failed')}{_last_line(notes)}"
        if notes["ended"] == "typed" and (crashed := self.job.folder.with_name("index.crashed")).exists():
            self._is_resumed(forks, crashed)
        self._is_resumed(forks, self.job.folder)

    def _is_resumed(self, forks: Forks, folder: Path) -> None:
        assert final(forks, Job("work", self.unbroken.workload, folder)) == self.unbroken.picture, (
            "the resumed index differs from one that was never interrupted"
        )


def _last_line(notes: dict[str, Any]) -> str:
    """Where of our own code an error came from."""
    lines = [line.strip() for line in notes["trace"].splitlines() if "/ragkit/" in line or "/tests/" in line]
    return f" ({lines[-1]})" if lines else ""


def violations(
    forks: Forks, scale: Scale, unbroken: Unbroken, mode: str, folder: Path, seed: str
) -> list[str]:
    numbers = unbroken.numbers_for(Fault(mode, 0))
    chosen = [numbers[i - 1] for i in scale.numbers(len(numbers), seed)]
    cases = [Case(unbroken, Fault(mode, at), folder / f"{mode}{at}") for at in chosen]
    found = [v for v in forks.each(lambda case: case.violation(forks), cases) if v is not None]
    print(f"{unbroken.workload}, {mode}: {len(cases)} runs, {len(found)} violations")
    return found


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("mode", KILLS)
def test_a_process_that_dies_at_any_call_loses_nothing_acknowledged(
    forks: Forks, scale: Scale, unbroken: Callable[[str], Unbroken], folder: Path, mode: str, workload: str
) -> None:
    found = violations(forks, scale, unbroken(workload), mode, folder, f"{mode} {workload}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("mode", ERRORS)
def test_a_disk_that_fails_at_any_call_is_a_typed_error_and_costs_nothing(
    forks: Forks, scale: Scale, unbroken: Callable[[str], Unbroken], folder: Path, mode: str, workload: str
) -> None:
    found = violations(forks, scale, unbroken(workload), mode, folder, f"{mode} {workload}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_write_that_takes_only_half_is_continued(
    forks: Forks, scale: Scale, unbroken: Callable[[str], Unbroken], folder: Path, workload: str
) -> None:
    found = violations(forks, scale, unbroken(workload), "partial", folder, f"partial {workload}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_calls_of_the_store_and_of_sqlite_are_intercepted(
    unbroken: Callable[[str], Unbroken], workload: str
) -> None:
    calls = Counter(
        (call.path.name.partition(".")[2].lstrip("0"), call.name) for call in unbroken(workload).calls
    )
    names = {name for _, name in calls}
    assert {"write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "mkdir"} <= names
    by_sqlite = {name for suffix, name in calls if suffix.startswith("sqlite")}
    assert {"pwrite64", "fdatasync", "ftruncate64"} <= by_sqlite
