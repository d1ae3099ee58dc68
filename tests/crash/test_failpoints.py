"""The process dies at every named place on the way of a write: nothing acknowledged is lost or doubled.

Every failpoint is struck at its first, a middle and its last hit in each kind of work. What must be there is
known from a ledger outside of the index, and a fresh process looks.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ragkit.failpoints import FAILPOINTS
from tests.crash.conftest import Scale
from tests.crash.faulty_io import Fault
from tests.crash.forks import Forks, Job
from tests.crash.test_system_calls import final, said_by
from tests.crash.workloads import FilesSession

WORKLOAD = "files"


@dataclass(frozen=True, slots=True)
class Hit:
    """The `at`-th time that a failpoint is reached, and in what kind of work that is."""

    failpoint: str
    at: int
    kind: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A run that nothing interrupted."""

    hits: list[Hit]
    picture: dict[str, Any]


@pytest.fixture(scope="module")
def whole(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    job = Job("work", WORKLOAD, tmp_path_factory.mktemp("whole").resolve() / "index", Fault("note", 0))
    assert forks.run(job) == 0, said_by(job)
    return Whole(list(_hits(job.notes)), final(forks, job))


def _hits(notes: Path) -> Iterator[Hit]:
    counts: dict[str, int] = {}
    kind = ""
    for line in notes.read_text().splitlines():
        note = json.loads(line)
        if "phase" in note:
            kind = FilesSession.KINDS[note["phase"]]
        elif "reached" in note:
            name = note["reached"]
            counts[name] = counts.get(name, 0) + 1
            yield Hit(name, counts[name], kind)


def first_middle_last(hits: list[Hit]) -> list[Hit]:
    """Of the hits of each failpoint in each kind of work three, or as many as there are."""
    grouped: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        grouped.setdefault((hit.failpoint, hit.kind), []).append(hit)
    return [own[i] for own in grouped.values() for i in sorted({0, len(own) // 2, len(own) - 1})]


def test_every_failpoint_is_reached(whole: Whole) -> None:
    assert {hit.failpoint for hit in whole.hits} == set(FAILPOINTS)
    assert len(FAILPOINTS) >= 30
    kinds = {hit.kind for hit in whole.hits if hit.failpoint == "commit.done"}
    assert kinds == {"insert", "update", "delete", "forget"}
    assert all(hit.kind != "re-ingest" for hit in whole.hits)  # the same again writes nothing


def test_a_process_that_dies_at_a_failpoint_loses_nothing(
    forks: Forks, scale: Scale, whole: Whole, folder: Path
) -> None:
    chosen = first_middle_last(whole.hits)
    cases = [chosen[i - 1] for i in scale.numbers(len(chosen), "failpoints")]

    def violation(hit: Hit) -> str | None:
        own = folder / f"{hit.failpoint}-{hit.at}"
        own.mkdir()
        job = Job("work", WORKLOAD, own / "index", Fault(f"at {hit.failpoint}", hit.at))
        try:
            code = forks.run(job)
            assert code == -9, f"the process ended with {code}: {said_by(job)}"
            assert final(forks, job) == whole.picture, "the resumed index differs from an unbroken one"
        except AssertionError as e:
            return f"{hit}: {e}"
        finally:
            shutil.rmtree(own)
        return None

    found = [v for v in forks.each(violation, cases) if v is not None]
    print(f"{len(FAILPOINTS)} failpoints, {len(cases)} kills, {len(found)} violations")
    assert not found, "\n".join(found)
