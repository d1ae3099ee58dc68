"""The outcomes of a run on disk: a line is added as soon as a question is done, and none is lost or torn.

FOLDER/run.json             the key: what was asked of what, with which code
FOLDER/outcomes.jsonl.part  while it runs: one line a question, in the order in which they were done
FOLDER/outcomes.jsonl       when all are done: in the dataset's order
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.outcome import Outcome
from ragkit.evaluation.runner.outcome_json import outcome_line, outcome_of

KEY, OUTCOMES, PART = "run.json", "outcomes.jsonl", "outcomes.jsonl.part"


class Journal:
    """The record of one run. Made by `Journal.open`; used by one thread at a time.

    Args:
        folder: of the run.
        done: the outcomes that are there already, by question.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with Journal.open(folder, {"dataset": "mine"}, resume=False) as journal:
    ...     journal.add(Outcome("q1"))
    >>> list(Journal.open(folder, {"dataset": "mine"}, resume=True).done)
    ['q1']
    """

    def __init__(self, folder: Path, done: dict[str, Outcome]) -> None:
        self.folder = folder
        self.done = done
        self._part: FileIO | None = None

    @classmethod
    def open(cls, folder: Path, key: Mapping[str, Any], *, resume: bool) -> Journal:
        """The journal of a folder, begun anew, or with what is there if that is of the same key.

        A question that ended in an error is not taken as done: it is asked again.

        Args:
            folder: made if it is not there.
            key: what outcomes depend on, as plain values.
            resume: whether to go on from what is there.

        Raises:
            EvalError: what is there has another key, or the folder cannot be written to.
        """
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            journal = cls(folder, _taken(folder, key) if resume else {})
            # Without a key nobody knows whose outcomes these are.
            if not (resume and (folder / KEY).exists()):
                for name in (OUTCOMES, PART):
                    (folder / name).unlink(missing_ok=True)
            write_whole(folder / KEY, json.dumps(key, indent=1) + "\n")
        return journal

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, outcome: Outcome, line: str | None = None) -> None:
        """Writes an outcome down, beyond the reach of a kill; `line` is its line where that was made.

        Raises:
            EvalError: the disk is full, or takes no more for another reason.
        """
        left = memoryview((line or outcome_line(outcome)).encode())
        with _told(self.folder / PART):
            if self._part is None:
                self._part = (self.folder / PART).open("ab", buffering=0)
            while left:  # a file without a buffer may take a part only
                left = left[self._part.write(left) :]
        self.done[outcome.question_id] = outcome

    def finish(self, order: Iterable[str]) -> dict[str, Outcome]:
        """Puts the outcomes into order, in their file; gives them.

        Raises:
            EvalError: as for `add`.
        """
        self.close()
        outcomes = {id_: self.done[id_] for id_ in order}
        with _told(self.folder):
            write_whole(self.folder / OUTCOMES, "".join(map(outcome_line, outcomes.values())))
            (self.folder / PART).unlink(missing_ok=True)
        return outcomes

    def close(self) -> None:
        """Closes the file."""
        if self._part is not None:
            self._part.close()
            self._part = None


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """The outcomes of a finished run, in their order.

    Raises:
        EvalError: there are none, or a line is damaged.
    """
    path = folder / OUTCOMES
    try:
        lines = path.read_bytes().splitlines()
    except OSError as e:
        raise EvalError(f"{path}: cannot be read: {e}. Finish the run first: pass --resume") from e
    return _read(lines, path)


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that it is there whole, or as it was.

    Half a surrogate pair, which UTF-8 cannot hold, is written as `?`: where it matters, JSON has it escaped.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise EvalError(f"{path}: cannot be written to: {e}") from e


def _taken(folder: Path, key: Mapping[str, Any]) -> dict[str, Outcome]:
    if not (folder / KEY).exists():
        return {}
    try:
        before = dict(json.loads((folder / KEY).read_text()))
    except (ValueError, TypeError) as e:
        raise EvalError(f"{folder / KEY}: cannot be read: {e}. Run again without --resume") from e
    # As JSON gives it back: a tuple of the key is a list there.
    now = json.loads(json.dumps(key))
    if before != now:
        parts = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        raise EvalError(
            f"{folder}: what is there was made with another {' and another '.join(parts)}, so it cannot be "
            "gone on with. Run without --resume, or into another folder"
        )
    # Both are there where a finished run was gone on with, for questions that had failed or are new.
    finished = read_outcomes(folder) if (folder / OUTCOMES).exists() else {}
    part = folder / PART
    return _sound({**finished, **(_cut_off(part) if part.exists() else {})})


def _cut_off(path: Path) -> dict[str, Outcome]:
    """The outcomes of the part; a last line that a kill tore is cut off."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return _read(whole.splitlines(), path)


def _read(lines: Iterable[bytes], path: Path) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for number, line in enumerate(lines, start=1):
        try:
            outcome = outcome_of(line)
        except EvalError as e:
            raise EvalError(f"{path}:{number}: {e}. Remove the line: --resume asks its question again") from e
        found[outcome.question_id] = outcome
    return found


def _sound(outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    return {id_: outcome for id_, outcome in outcomes.items() if outcome.error is None}
