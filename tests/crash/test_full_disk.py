"""A disk that is really full: a small one is mounted, filled, and given space again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Change
from ragkit.testing.data import put, remove
from tests.crash.checking import matched
from tests.crash.conftest import Scale
from tests.crash.ledger import Ledger, Notes
from tests.crash.workloads import StoreSession, passages, picture

DISK_BYTES = 24 << 20
MOST_FREE_BYTES = 1_800_000  # what the workload surely does not fit into
FULL = r"the disk failed or is full .*Free space and try again"


def _commits() -> list[list[Change]]:
    """About 2 MB of documents, some of them replaced and removed on the way."""
    commits = [
        [put(f"f{4 * i + j}", passages(f"f{4 * i + j}", 0, 8, n_words=80)) for j in range(4)]
        for i in range(24)
    ]
    for i in range(4, 24, 5):
        commits[i].append(put(f"f{i}", passages(f"f{i}", 1, 5, n_words=60)))
        commits[i].append(remove(f"f{i + 1 - 5}"))
    return [list({c.state.document_id: c for c in commit}.values()) for commit in commits]


class FillingSession(StoreSession):
    """The workload that fills the disk."""

    commits = _commits()
    n_phases = len(commits)
    reopened_before = -1
    compacted_after = 15


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of a few megabytes, for as long as the block lasts."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "ragkit-tests", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError:
        pytest.skip("a small disk cannot be mounted: there is no mount command")
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted, which needs root: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        # A store that was closed may still have files mapped until the memory is collected.
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


def leave_free(disk: Path, n_bytes: int) -> Path:
    """A file that takes all space but so much."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"")
    space = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - n_bytes)
    return ballast


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an index is that never met a full disk."""
    session = FillingSession(tmp_path_factory.mktemp("roomy") / "index")
    session.go()
    seen = picture(session.store)
    session.close()
    return seen


def test_ingestion_goes_on_once_a_full_disk_has_space_again(
    tmp_path: Path, scale: Scale, expected: dict[str, object]
) -> None:
    n = scale.times(60)
    for i in range(n):
        n_free = MOST_FREE_BYTES * (2 * i + 1) // (2 * n)
        with small_disk(tmp_path / f"disk{i}") as disk:
            session = FillingSession(disk / "index", Notes(tmp_path / f"notes{i}"))
            try:
                _fill_and_free(session, disk, n_free, tmp_path / f"notes{i}")
                assert picture(session.store) == expected, f"{n_free} bytes free"
                assert session.store.verify() == []
            finally:
                session.close()
    print(f"\n{n} full disks")


def _fill_and_free(session: FillingSession, disk: Path, n_free: int, notes: Path) -> None:
    ballast = leave_free(disk, n_free)
    with pytest.raises(StoreError, match=FULL) as caught:
        session.go()
    if session.is_open:
        assert isinstance(caught.value, TransientStoreError)
        ledger = Ledger.read(notes)
        matched(session.store, ledger)
        reader = FillingSession(session.folder)
        matched(reader.store, ledger)
        reader.close()
    ballast.unlink()
    session.go(Ledger.read(notes).phase)


def test_an_index_that_was_closed_on_a_full_disk_is_there_once_it_has_space(
    tmp_path: Path, expected: dict[str, object]
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        session = FillingSession(disk / "index", Notes(tmp_path / "notes"))
        ballast = leave_free(disk, MOST_FREE_BYTES // 2)
        with pytest.raises(TransientStoreError, match=FULL):
            session.go()
        session.close()
        ballast.unlink()
        ledger = Ledger.read(tmp_path / "notes")
        matched(session.store, ledger)
        assert session.store.verify() == []
        session.go(ledger.phase)
        assert picture(session.store) == expected
        session.close()


def test_the_command_line_says_that_the_disk_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        ballast = leave_free(disk, 250_000)
        docs = tmp_path / "docs"
        docs.mkdir()
        for i in range(10):
            text = "\n\n".join(words for words, _ in passages(f"c{i}", 0, 9, n_words=60))
            (docs / f"c{i}.md").write_text(f"# Document {i}\n\n{text}\n")
        run = _ingest(docs, disk / "index")
        assert run.returncode == 1, run.stderr
        assert "the disk failed or is full" in run.stderr
        assert "Traceback" not in run.stderr
        ballast.unlink()
        run = _ingest(docs, disk / "index")
        assert run.returncode == 0, run.stderr


def _ingest(docs: Path, index: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ragkit", "ingest", str(docs), "--index", str(index)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
