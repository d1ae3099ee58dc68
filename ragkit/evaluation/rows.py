"""The lines of data files, with every mistake told by file and line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ragkit.errors import EvalError

MAX_TOLD = 20


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, from 1, without their ends; blank ones are left out. `.gz` is unpacked.

    Raises:
        EvalError: the file is missing, unreadable, or broken as a gzip file.
    """
    number = 0
    try:
        with open_bytes(path) as lines:
            for number, line in enumerate(lines, start=1):
                content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if content.strip():
                    yield number, content.rstrip(b"\r\n")
    except (EOFError, OSError, zlib.error) as e:
        raise EvalError(f"{path}:{number + 1}: cannot be read: {e}") from e


def open_bytes(path: Path) -> IO[bytes]:
    """The file's content as bytes, unpacked where its name ends in `.gz`."""
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def text_of(line: bytes, where: str) -> str:
    """The line as text.

    Raises:
        EvalError: it is not UTF-8.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as e:
        raise EvalError(f"{where}: not UTF-8 at byte {e.start}. Convert the file to UTF-8") from e


def object_of(line: bytes, where: str) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        EvalError: it is none.
    """
    try:
        value = json.loads(text_of(line, where))
    except (ValueError, RecursionError) as e:
        reason = "nested too deeply" if isinstance(e, RecursionError) else e
        raise EvalError(f"{where}: not JSON: {reason}") from e
    if not isinstance(value, dict):
        raise EvalError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def id_of(value: object, where: str, key: str) -> str:
    """An id: a text that a line of a table can hold, or a whole number.

    Raises:
        EvalError: it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise EvalError(f"{where}: {key}: expected a text that is not blank, got {shortened(value)}")
    if any(c in "\t\n\r\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise EvalError(f"{where}: {key}: {shortened(value)} holds a tab, a line end or half a character")
    return value


def grade_of(text: str, where: str) -> int:
    """A grade: a whole number, which `1.0` is too.

    Raises:
        EvalError: it is none.
    """
    try:
        grade = number_of(text)
        if grade != int(grade) or abs(grade) > 1_000_000:
            raise ValueError
    except (ValueError, OverflowError):
        raise EvalError(f"{where}: grade {shortened(text)}: expected a whole number") from None
    return int(grade)


def number_of(text: str) -> float:
    """The number that a text is in any program: Python alone reads `1_0` as 10.

    Raises:
        ValueError: it is none.
    """
    if "_" in text:
        raise ValueError(text)
    return float(text)


def shortened(value: object) -> str:
    """The value as it is shown in a message, at most 60 characters of it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Problems:
    """Mistakes of one or several files, gathered so that all are told at once.

    >>> problems = Problems()
    >>> with problems.gathered():
    ...     raise EvalError("queries.jsonl:3: not JSON")
    >>> len(problems.found)
    1
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keeps an `EvalError` that is raised inside, and goes on."""
        try:
            yield
        except EvalError as e:
            self.found.append(str(e))

    def settle(self) -> None:
        """Raises all that was gathered, the first 20 in full.

        Raises:
            EvalError: anything was.
        """
        if self.found:
            rest = len(self.found) - MAX_TOLD
            more = (f"... and {rest:,} more",) if rest > 0 else ()
            raise EvalError("\n".join((*self.found[:MAX_TOLD], *more)))
