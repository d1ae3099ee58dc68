"""The worker process: reads documents from its standard input, parses each under limits, replies as JSON.

It is started with nothing but Python's path, holds no credentials (its environment is nearly empty), and ends
by itself when its parent does: at the end of its input, or at an alarm while it parses.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO

from ragkit.errors import DocumentError
from ragkit.ingest.parse.format import Format
from ragkit.ingest.parse.sandbox.limits import SandboxLimits
from ragkit.ingest.parse.sandbox.wire import parsed_as_json, read_frame, write_frame

READY = b"ready"
_MAX_REQUEST = 1 << 40
# The parent ends what runs too long; the alarm is for the worker whose parent is gone.
_ALARM_GRACE_S = 10
_STDERR_BYTES = 1_000_000


def main(settings: str) -> None:
    """Serves until the input ends. `settings` is the JSON of the limits."""
    limits = SandboxLimits(**json.loads(settings))
    requests, replies = _private_streams()
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to act on
    _forbid_files()
    write_frame(replies, READY)
    baseline = _address_space()
    while (head := read_frame(requests, max_bytes=_MAX_REQUEST)) is not None:
        data = read_frame(requests, max_bytes=_MAX_REQUEST) or b""
        reply = _answer(json.loads(head), data, limits)
        # What a document leaves behind must not become the next one's burden.
        if reply.get("memory") or _address_space() > baseline + limits.memory_bytes // 2:
            reply["last"] = True
        # Escapes would make Russian three times as long; half a character is for the parent to refuse.
        write_frame(replies, json.dumps(reply, ensure_ascii=False).encode(errors="surrogatepass"))


def _answer(row: dict[str, str], data: bytes, limits: SandboxLimits) -> dict[str, object]:
    parser = Format(
        row["name"], title=row["title"], extensions=(), media_types=(), target=row["target"], is_binary=True
    )
    try:
        parser.parser()  # imported before the baseline of memory is taken
        _limit(limits)
        return parsed_as_json(parser.run(data))
    except DocumentError as e:
        return {"stage": e.stage, "reason": e.reason, "rejected": e.rejected}
    except MemoryError:
        return {"memory": True}
    finally:
        _unlimit()


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes under other numbers than 0 and 1, where a parser's own `print` cannot reach them."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return requests, replies


if sys.platform == "win32":

    def _forbid_files() -> None:
        """Windows has no such limits; the parent's clock is what ends a document there."""

    def _limit(limits: SandboxLimits) -> None:
        """As above."""

    def _unlimit() -> None:
        """As above."""

else:
    import resource

    def _forbid_files() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_STDERR_BYTES, _STDERR_BYTES))

    def _limit(limits: SandboxLimits) -> None:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        spent = math.ceil(time.process_time() + limits.cpu_s)
        resource.setrlimit(resource.RLIMIT_CPU, (spent, hard))
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        space = _address_space()
        if space:
            resource.setrlimit(resource.RLIMIT_AS, (space + limits.memory_bytes, hard))
        signal.setitimer(signal.ITIMER_REAL, limits.wall_s + _ALARM_GRACE_S)

    def _unlimit() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _address_space() -> int:
    """The bytes of address space in use, 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
