"""Any file of an index is damaged: it is found, with what mends it, or the answers are still right."""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import RagkitError
from ragkit.protocols import Scope
from ragkit.testing.data import put
from tests.crash.conftest import Scale
from tests.crash.workloads import COMMON, WORKLOADS, StoreSession, passages, picture

SEED = 41
CASES = 1000
LOG = "-wal"
REMEDY = re.compile(r"ragkit repair|[Rr]estore|ingest again")


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to one file."""

    file: Path
    kind: str
    at: int
    bit: int

    @classmethod
    def drawn(cls, rng: random.Random, files: Sequence[Path], folder: Path) -> Damage:
        """Any file with the same chance, however small; half of the damages are one flipped bit."""
        file = rng.choice(files)
        size = file.stat().st_size
        kind = rng.choice(("flip", "flip", "cut", "empty")) if size else "empty"
        return cls(file.relative_to(folder), kind, rng.randrange(size) if size else 0, rng.randrange(8))

    def apply(self, folder: Path) -> None:
        """Damages the file in this copy of the folder."""
        path = folder / self.file
        data = bytearray(path.read_bytes())
        if self.kind == "flip":
            data[self.at] ^= 1 << self.bit
        path.write_bytes(b"" if self.kind == "empty" else data[: self.at] if self.kind == "cut" else data)


def everything(workload: str, folder: Path) -> dict[str, Any]:
    """The picture of an index, with every text that it holds."""
    session = WORKLOADS[workload](folder)
    try:
        store = session.store
        (hits,) = store.search_terms([[COMMON]], 100_000, Scope())
        chunks = store.fetch(hits.id_list(), Scope())
        sources = [store.source("", state.document_id) for state in store.states()]
        return {**picture(store), "chunks": chunks, "sources": sources}
    finally:
        session.close()


def outcome(workload: str, folder: Path, right: dict[str, Any]) -> str:
    """`found` where opening or verifying names the damage; else `harmless`.

    Raises:
        AssertionError: neither, or there is no remedy in the message.
    """
    try:
        session = WORKLOADS[workload](folder)
        try:
            problems = session.store.verify()
        finally:
            session.close()
    except RagkitError as e:
        problems = [str(e)]
    for problem in problems:
        assert REMEDY.search(problem), f"no remedy: {problem}"
    try:
        is_right = everything(workload, folder) == right
    except RagkitError:
        # It says so; whether it could have been read in spite of the damage does not matter.
        assert problems, "verify finds nothing, and the index cannot be read"
        is_right = False
    else:
        assert is_right, f"silently wrong answers, and verify says: {problems}"
    return "found" if problems else "harmless"


def make_index(workload: str, folder: Path, *, killed: bool) -> Path:
    """An index that was closed, or one as a killed process leaves it: with a write-ahead log."""
    session = WORKLOADS[workload](folder / "made")
    session.go()
    if not killed:
        session.close()
    shutil.copytree(folder / "made", folder / "index")
    session.close()
    return folder / "index"


def wrong_outcomes(workload: str, folder: Path, index: Path, files: Sequence[Path], n: int) -> list[str]:
    """Damages a copy of the index in one way after the other; gives those of which the outcome is wrong."""
    shutil.copytree(index, folder / "read")
    right = everything(workload, folder / "read")
    rng, outcomes, wrong = random.Random(SEED), Counter[str](), []
    for _ in range(n):
        damage, copy = Damage.drawn(rng, files, index), folder / "copy"
        shutil.copytree(index, copy)
        damage.apply(copy)
        try:
            outcomes[f"{damage.kind} {outcome(workload, copy, right)}"] += 1
        except Exception as e:
            wrong.append(f"{damage}: {type(e).__name__}: {e}")
        shutil.rmtree(copy)
    print(f"\nseed {SEED}, {workload}: {dict(outcomes)}, {len(wrong)} violations")
    return wrong


def files_of(index: Path) -> list[Path]:
    return sorted(path for path in index.rglob("*") if path.is_file())


@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_damage_of_any_file_is_found_or_changes_nothing(
    tmp_path: Path, scale: Scale, workload: str, killed: bool
) -> None:
    index = make_index(workload, tmp_path, killed=killed)
    files = [path for path in files_of(index) if not path.name.endswith(LOG)]
    wrong = wrong_outcomes(workload, tmp_path, index, files, scale.times(CASES) // 4 + 1)
    assert not wrong, "\n".join(wrong)


def test_damage_of_the_log_of_a_killed_process_is_found_or_changes_nothing(
    tmp_path: Path, scale: Scale
) -> None:
    session, index = StoreSession(tmp_path / "made"), tmp_path / "index"
    session.go()
    session.store.commit([put("last", passages("last", 0, 2))])
    shutil.copytree(session.folder, index)
    session.close()
    logs = [path for path in files_of(index) if path.name.endswith(LOG)]
    wrong = wrong_outcomes("store", tmp_path, index, logs, scale.times(CASES) // 5)
    assert not wrong, "\n".join(wrong)
