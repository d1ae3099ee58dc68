"""A process that migrates when it is told to, each time in a child that may be killed on the way.

What it needs is imported once: a child begins at once, where a process of its own would import for seconds.
It opens nothing and starts no thread itself, so that a child has all of what it was forked from.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

_ROOT = Path(__file__).parents[2]


class Migrator:
    """Runs migrations in children of a process that imported everything."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.connectors.migrator"]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, source: str, target: str, die_at: int) -> int:
        """Migrates between two places; the exit code, which is -9 where it was killed at that failpoint."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps([source, target, die_at]), file=stdin, flush=True)
        return int(stdout.readline())

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def _migrate(source_place: str, target_place: str, die_at: int) -> None:
    from ragkit import failpoints
    from ragkit.store import migrate as m
    from tests.connectors.test_migrate_pairs import opened

    m.BATCH_CHUNKS, m.BATCH_DOCUMENTS = 12, 8
    source, target = opened(source_place), opened(target_place)
    failpoints.watch(_killed_at(die_at))
    m.migrate(source, target)


def _killed_at(die_at: int) -> Callable[[str], None]:
    left = die_at

    def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def _in_child(source: str, target: str, die_at: int) -> NoReturn:
    code = 1
    try:
        _migrate(source, target, die_at)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """One migration for each line that says from where, to where, and at which failpoint it is killed."""
    import ragkit_connectors.opensearch
    import ragkit_connectors.pgvector
    import ragkit_connectors.qdrant  # noqa: F401
    import tests.connectors.test_migrate_pairs  # noqa: F401

    for module in ("opensearchpy", "psycopg_pool", "qdrant_client"):
        _import_if_there(module)
    for line in sys.stdin:
        source, target, die_at = json.loads(line)
        child = os.fork()
        if child == 0:
            _in_child(source, target, die_at)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _import_if_there(module: str) -> None:
    import contextlib
    import importlib

    with contextlib.suppress(ImportError):
        importlib.import_module(module)


if __name__ == "__main__":
    main()
