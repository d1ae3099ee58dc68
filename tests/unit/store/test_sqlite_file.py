"""Files that several ask for at the same moment."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from ragkit.store.sqlite_file import keep_log


def test_all_who_make_one_file_at_once_get_its_log(tmp_path: Path) -> None:
    n_at_once = 4

    def make(path: Path, ready: Barrier) -> str:
        connection = sqlite3.connect(path, isolation_level=None)
        ready.wait()
        keep_log(connection)
        connection.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT)")
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        connection.close()
        return str(mode)

    with ThreadPoolExecutor(n_at_once) as threads:
        for number in range(80):
            ready = Barrier(n_at_once)
            path = tmp_path / f"{number}.sqlite"
            assert set(threads.map(lambda _: make(path, ready), range(n_at_once))) == {"wal"}  # noqa: B023


def test_a_file_that_stays_locked_is_told_in_time(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "one.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    other = sqlite3.connect(tmp_path / "one.sqlite", timeout=0, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        keep_log(other, timeout_s=0.02)
    holder.execute("ROLLBACK")
    keep_log(other)
    holder.close()
    other.close()
