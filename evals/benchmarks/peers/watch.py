"""A process that ends when the program that started it is gone, however that one ended."""

from __future__ import annotations

import _thread
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_GRACE_S = 5.0


def ran(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, limit_s: float
) -> subprocess.CompletedProcess[str]:
    """Runs a command whose process calls `end_with_input`, and waits for it.

    Its standard input says nothing and is open for as long as this process lives.
    """
    theirs, ours = os.pipe()
    try:
        return subprocess.run(
            command, stdin=theirs, capture_output=True, text=True, env=env, cwd=cwd, timeout=limit_s
        )
    finally:
        os.close(theirs)
        os.close(ours)


def end_with_input() -> None:
    """From now on this process is interrupted when its standard input ends, and ended 5 s later."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while os.read(0, 1):
        pass
    _thread.interrupt_main()
    time.sleep(_GRACE_S)
    os._exit(1)
