"""The library that makes system calls fail, compiled with the system's own compiler, and its controls."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("faulty_io.c")
ENOUGH_S = 120


def why_not() -> str | None:
    """Why calls cannot be intercepted here, or None where they can."""
    if not sys.platform.startswith("linux"):
        return f"system calls are intercepted on Linux only, and this is {sys.platform}"
    if compiler() is None:
        return "no C compiler: neither $CC nor cc, gcc or clang is installed"
    return None


def compiler() -> str | None:
    """The C compiler of this machine."""
    named = [os.environ["CC"]] if os.environ.get("CC") else []
    return next((found for name in (*named, "cc", "gcc", "clang") if (found := shutil.which(name))), None)


def compiled(folder: Path) -> Path:
    """The library, made in `folder`."""
    library = folder / "faulty_io.so"
    command = [compiler() or "cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(library), str(SOURCE), "-ldl"], check=True, timeout=ENOUGH_S)
    return library


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of the `at`-th call below the folder; see `faulty_io.c` for the modes."""

    mode: str
    at: int

    @property
    def kills(self) -> bool:
        """Whether the process dies of it."""
        return self.mode in ("kill_before", "kill_after", "torn") or self.failpoint is not None

    @property
    def is_of_ragkit(self) -> bool:
        """Whether it is about failpoints of ragkit, not about system calls."""
        return self.mode == "note" or self.failpoint is not None

    @property
    def failpoint(self) -> str | None:
        """The place in ragkit at which it strikes, for the mode `at NAME`; None for one at a system call."""
        return self.mode[3:] if self.mode.startswith("at ") else None

    @property
    def needs_bytes(self) -> bool:
        """Whether it is about calls that write bytes; on all others it is the same as another mode."""
        return self.mode in ("torn", "short", "partial")

    def __str__(self) -> str:
        return f"{self.mode} at call {self.at}"


@dataclass(frozen=True, slots=True)
class Call:
    """One call below the folder, as the trace names it."""

    number: int
    name: str
    n_bytes: int
    path: Path

    @property
    def can_be_halved(self) -> bool:
        """Whether it writes bytes that can be cut in two."""
        return self.n_bytes >= 2


def read_trace(path: Path) -> list[Call]:
    """The calls of a run, in order."""
    if not path.exists():
        return []
    fields = [line.split(" ", 3) for line in path.read_text().splitlines()]
    return [Call(int(n), name, int(size), Path(where)) for n, name, size, where in fields]


class Controls:
    """The library from within a process that has it preloaded."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self._arm, self._disarm = library.faulty_io_arm, library.faulty_io_disarm
        self._arm.argtypes = [
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_long,
            ctypes.c_char_p,
            ctypes.c_char_p,
        ]
        self._arm.restype = None
        self._disarm.restype = ctypes.c_long

    def arm(self, folder: Path, fault: Fault, trace: Path) -> None:
        """From here on, calls below `folder` are counted, and the one that the fault names fails."""
        self._arm(str(folder).encode(), fault.mode.encode(), fault.at, b"", str(trace).encode())

    def disarm(self) -> int:
        """Lets everything through again. Gives the number of calls so far."""
        return int(self._disarm())
