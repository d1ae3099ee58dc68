"""Workers take turns: those that run at once lengthen one another's times, and fill the memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.runner.lock import locked

_LOOK_S = 0.2


def default_turns() -> Path:
    """Where the turns are kept of all commands of this user, so that two of them don't measure at once."""
    return Path(tempfile.gettempdir()) / f"ragkit-peers-{os.getuid()}"


@contextmanager
def turn(folder: Path, jobs: int) -> Iterator[None]:
    """Waits until fewer than `jobs` others have a turn, and has one for the time of the block.

    Args:
        folder: where turns are kept; the system frees those of a process that dies.
        jobs: how many there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        while not any(_taken(folder / f"{n}.lock", held) for n in range(jobs)):
            time.sleep(_LOOK_S)
        yield


def _taken(path: Path, held: ExitStack) -> bool:
    try:
        held.enter_context(locked(path, wait=False))
    except EvalError:
        return False
    return True
