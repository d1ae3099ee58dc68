"""A search on disk: every result as it comes, so that one that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.search.evaluator import Block

NAME = "journal.jsonl"


class Journal:
    """The results of one search, one JSON object a line, the first saying what the search is.

    A line that was cut off when the process died is dropped. What was decided on the results is not kept, for
    it follows from them; only what was decided by the clock is.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal(Path(folder), {"seed": 0}) as journal:
    ...         journal.put_block("c001", ["q1"], Block({"RR": {"q1": 1.0}}, stage_runs=5))
    ...     with Journal(Path(folder), {"seed": 0}) as journal:
    ...         journal.block("c001", ["q1"]).stage_runs
    5
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Opens the journal of a folder, or begins one.

        Args:
            folder: of the search; it is made.
            facts: what the results depend on: seed, objectives, checksums.

        Raises:
            EvalError: the folder has the journal of another search, or it cannot be read.
        """
        self.path = folder / NAME
        self._known: dict[str, Any] = {}
        self.resumed = 0
        folder.mkdir(parents=True, exist_ok=True)
        # As JSON gives it back, so that both can be compared.
        said = json.loads(json.dumps(facts))
        rows, end = _rows(self.path)
        if rows and rows[0] != said:
            raise EvalError(_other(self.path, rows[0], said))
        self._file = self.path.open("ab")
        self._file.truncate(end)
        if not rows:
            self._write(said)
        for row in rows[1:]:
            self._known[row["key"]] = row["value"]
        self.resumed = len(self._known)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def block(self, candidate: str, questions: Sequence[str]) -> Block | None:
        """What was made of these questions before, or None."""
        found = self._known.get(_key("block", candidate, questions))
        if found is None:
            return None
        return Block(found["values"], failed=found["failed"], stage_runs=found["stage_runs"])

    def put_block(self, candidate: str, questions: Sequence[str], block: Block) -> None:
        """Keeps it."""
        value = {"values": _plain(block.values), "failed": dict(block.failed), "stage_runs": block.stage_runs}
        self._put(_key("block", candidate, questions), value)

    def seconds(self, candidate: str, questions: Sequence[str]) -> dict[str, float] | None:
        """The times measured before, or None."""
        return self._known.get(_key("seconds", candidate, questions))

    def put_seconds(self, candidate: str, questions: Sequence[str], seconds: Mapping[str, float]) -> None:
        """Keeps them."""
        self._put(_key("seconds", candidate, questions), dict(seconds))

    def decision(self, name: str) -> list[str] | None:
        """What was decided by the clock under this name, or None."""
        return self._known.get(f"decision {name}")

    def put_decision(self, name: str, candidates: Sequence[str]) -> None:
        """Keeps it."""
        self._put(f"decision {name}", list(candidates))

    def _put(self, key: str, value: Any) -> None:
        self._known[key] = value
        self._write({"key": key, "value": value})

    def _write(self, row: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _plain(values: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {metric: dict(by_question) for metric, by_question in values.items()}


def _key(kind: str, candidate: str, questions: Sequence[str]) -> str:
    return json.dumps([kind, candidate, list(questions)], ensure_ascii=False)


def _rows(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of the file, and where the last of them ends."""
    if not path.exists():
        return [], 0
    rows, end = list[dict[str, Any]](), 0
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise EvalError(f"{path}:{number}: not JSON: {e}. Remove the folder to begin anew") from e
        if not isinstance(row, dict) or (rows and not row.keys() >= {"key", "value"}):
            raise EvalError(
                f"{path}:{number}: no line of a search's journal. Remove the folder to begin anew"
            )
        rows.append(row)
        end += len(line)
    return rows, end


def _other(path: Path, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    different = sorted(key for key in {*known, *wanted} if known.get(key) != wanted.get(key))
    said = "; ".join(f"{key}: {known.get(key)!r} there, {wanted.get(key)!r} now" for key in different[:4])
    return f"{path}: is of another search ({said}). Name another folder with --out, or remove this one"
