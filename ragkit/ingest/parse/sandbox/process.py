"""The parent's side of the worker process: starts it when first needed, watches it, ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import IO, BinaryIO, cast

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import Parsed
from ragkit.ingest.parse.format import Format
from ragkit.ingest.parse.sandbox.limits import SandboxLimits
from ragkit.ingest.parse.sandbox.wire import WireError, parsed_from_json, read_frame, write_frame
from ragkit.ingest.parse.sandbox.worker import READY

# A fresh interpreter and not a fork (the parent has threads) nor `multiprocessing` (its spawn runs the main
# module of the caller again, which a notebook has not and a script without a guard does not survive).
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from ragkit.ingest.parse.sandbox.worker import main; main(sys.argv[2])"
)
_FLAGS = ("-P", "-B", "-W", "ignore", "-X", "utf8")
# The rest of the environment may hold keys and passwords, which are no parser's business.
_ENVIRONMENT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LANG",
    "TZ",
)
_START_S = 60.0
_STOPPED = "parsing was stopped. Ingest it again"


class Sandbox:
    """Parses binary documents in a worker process that is reused, and replaced when a document kills it.

    The process starts with the first document and ends with `close`. Threads may share a sandbox; documents
    are parsed one at a time.

    Example:
        with Sandbox() as sandbox:
            document = parse_bytes(data, id="a", extension=".pdf", sandbox=sandbox)
    """

    def __init__(self, limits: SandboxLimits | None = None) -> None:
        self._limits = limits or SandboxLimits()
        self._worker: _Worker | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The worker's process id, None while there is none."""
        worker = self._worker
        return None if worker is None else worker.process.pid

    def close(self) -> None:
        """Ends the worker, also in the middle of a document; no further document is taken."""
        self._is_closed = True
        worker = self._worker
        if worker is not None:
            worker.process.kill()  # whoever waits for its reply stops waiting, and lets go of the lock
        with self._lock:
            self._end()

    def parse(self, row: Format, data: bytes) -> Parsed:
        """What the format's parser gives for `data`.

        Raises:
            DocumentError: as the parser raises it, or a limit was reached, or the worker died of it.
        """
        with self._lock:
            try:
                return self._parsed(row, data)
            except BaseException as e:
                if not isinstance(e, DocumentError):
                    self._end()  # a reply may still be under way, which must not answer the next document
                raise

    def _parsed(self, row: Format, data: bytes) -> Parsed:
        worker = self._running()
        head = json.dumps({"name": row.name, "title": row.title, "target": row.target}).encode()
        try:
            with worker.within(self._limits.wall_s):
                write_frame(worker.requests, head)
                write_frame(worker.requests, data)
                frame = read_frame(worker.replies, max_bytes=self._limits.reply_bytes)
        except (OSError, WireError) as e:
            reason = worker.death(row, self._limits) if isinstance(e, OSError) else f"{row.title}: {e}"
            raise self._failed(reason) from e
        if worker.is_late or frame is None:
            raise self._failed(worker.death(row, self._limits))
        try:
            reply = json.loads(frame)
            if isinstance(reply, dict) and ("last" in reply):
                self._end()
            return _result(reply, row, self._limits)
        except (ValueError, WireError, RecursionError) as e:
            raise self._failed(f"{row.title} whose parser gave an invalid result ({e})") from e

    def _running(self) -> _Worker:
        if self._is_closed:
            raise DocumentError(_STOPPED, stage="parse")
        if self._worker is not None and self._worker.process.poll() is not None:
            self._end()
        if self._worker is None:
            self._worker = _Worker.started(self._limits)
        return self._worker

    def _failed(self, reason: str) -> DocumentError:
        self._end()
        return DocumentError(_STOPPED if self._is_closed else reason, stage="parse")

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


def _result(reply: object, row: Format, limits: SandboxLimits) -> Parsed:
    if isinstance(reply, dict) and reply.get("memory"):
        raise DocumentError(_too_much_memory(row, limits), stage="parse")
    if isinstance(reply, dict) and "reason" in reply:
        raise DocumentError(
            str(reply["reason"]), stage=str(reply.get("stage")), rejected=reply.get("rejected") is True
        )
    return parsed_from_json(reply)


def _too_much_memory(row: Format, limits: SandboxLimits) -> str:
    return (
        f"{row.title} that takes more than {limits.memory_bytes / 2**20:,.0f} MB of memory to read. "
        "Split it into smaller files"
    )


class _Worker:
    """A running process, its pipes, and the clock that ends it."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self.process = process
        self.requests = cast(BinaryIO, process.stdin)
        self.replies = cast(BinaryIO, process.stdout)
        self._errors = errors
        self.is_late = False

    @classmethod
    def started(cls, limits: SandboxLimits) -> _Worker:
        command = [sys.executable, *_FLAGS, "-c", _CODE, json.dumps(sys.path), json.dumps(asdict(limits))]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the worker)
        try:
            process = subprocess.Popen(  # noqa: S603  (our own interpreter and code)
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
            )
        except OSError as e:
            errors.close()
            raise DocumentError(
                f"the worker process for binary documents cannot start: {e}", stage="parse"
            ) from e
        worker = cls(process, errors)
        try:
            with worker.within(_START_S):
                ready = read_frame(worker.replies, max_bytes=len(READY))
        except (OSError, WireError):
            ready = None
        except BaseException:
            worker.end()
            raise
        if ready != READY:
            worker.process.kill()
            worker.process.wait()
            said = worker.last_words()
            worker.end()
            raise DocumentError(
                f"the worker process for binary documents cannot start: {said}", stage="parse"
            )
        return worker

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Kills the process when the block takes longer; a read from it then ends at once."""
        timer = threading.Timer(seconds, self._late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _late(self) -> None:
        self.is_late = True
        self.process.kill()

    def death(self, row: Format, limits: SandboxLimits) -> str:
        """Why the process is no more, as the reason for the document's quarantine."""
        self.process.kill()  # no-op for a dead one; one that closed its pipes alive is not to be waited for
        code = self.process.wait()
        if self.is_late:
            return f"{row.title} that was not read within {limits.wall_s:g} s. Split it, or export its text"
        if sys.platform != "win32" and code == -signal.SIGXCPU:
            return (
                f"{row.title} that takes more than {limits.cpu_s:g} s of processor time to read. "
                "Split it, or export its text"
            )
        how = _signal_name(-code) if code < 0 else f"code {code}: {self.last_words()}"
        return (
            f"{row.title} on which its parser crashed ({how}): it is damaged, hostile, or needs more than "
            f"{limits.memory_bytes / 2**20:,.0f} MB of memory. Open it and save it again, or export its text"
        )

    def last_words(self) -> str:
        """The last line that the process wrote to its standard error."""
        try:
            self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2000))
            lines = self._errors.read().decode(errors="replace").split("\n")
        except OSError:
            lines = []
        return next((line.strip() for line in reversed(lines) if line.strip()), "no message")

    def end(self) -> None:
        """Kills the process, waits for it and closes everything."""
        self.process.kill()
        self.process.wait()
        for stream in (self.requests, self.replies, self._errors):
            try:
                stream.close()
            except OSError:
                continue  # what was still to be written has no reader any more


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
