"""The processes of a cluster, found by their parent, and ended one at a time by their number."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def children_of(parent: int) -> Iterator[tuple[int, str]]:
    """The processes of a parent, each with its command line."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            stat = (path / "stat").read_text()
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                yield int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def all_processes() -> Iterator[tuple[int, str]]:
    """All that run here, each with its command line."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            yield int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def workers_of(raylet: int) -> dict[int, str]:
    """The processes that are an actor of ragkit at this moment, each with the method that it is in."""
    found = {}
    for pid, command in children_of(raylet):
        name, _, method = command.strip().partition(".")
        if name in ("ray::Worker", "ray::Asking"):
            found[pid] = method or "idle"
    return found


def kill(pid: int) -> bool:
    """SIGKILL; says whether there was such a process."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
