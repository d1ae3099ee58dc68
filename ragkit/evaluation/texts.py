"""The texts of a corpus by document id, in memory or looked up in their file."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from ragkit.errors import EvalError
from ragkit.types import Document

_KEPT = 512  # documents: those that one question's passages come from are asked for again and again


class CorpusTexts(Protocol):
    """The canonical texts of a corpus; what a measure looks spans up in."""

    def document(self, document_id: str) -> str | None:
        """The text that spans count in; None where there is no such document."""
        ...


class HeldTexts:
    """Texts in memory.

    >>> HeldTexts({"a.md": "One."}).document("a.md")
    'One.'
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def document(self, document_id: str) -> str | None:
        """See `CorpusTexts`."""
        return self._texts.get(document_id)


class LineTexts:
    """Texts in a file of one document a line, of which only the place of each line is in memory.

    Args:
        path: a plain file. It is read once now, and a line of it whenever a text is asked for; several
            threads may ask.
        read: the document of a line; `where` is `file:line`.

    Raises:
        EvalError: the file cannot be read, or a line is no document.

    Example:
        texts = LineTexts(Path("corpus.jsonl"), lambda line, where: read_row(line, where, ()).document())
        texts.document("d1")
    """

    def __init__(self, path: Path, read: Callable[[bytes, str], Document]) -> None:
        self._path, self._read = path, read
        self._places: dict[str, tuple[int, int]] = {}
        start = 0
        try:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if content := _content(line, start):
                        self._places[read(content, f"{path}:{number}").id] = (start, len(line))
                    start += len(line)
        except OSError as e:
            raise EvalError(f"{path}: cannot be read: {e}") from e
        self._kept = lru_cache(maxsize=_KEPT)(self._looked_up)

    def document(self, document_id: str) -> str | None:
        """See `CorpusTexts`.

        Raises:
            EvalError: the file has changed since.
        """
        return self._kept(document_id) if document_id in self._places else None

    def _looked_up(self, document_id: str) -> str:
        start, length = self._places[document_id]
        try:
            with self._path.open("rb") as lines:
                lines.seek(start)
                line = lines.read(length)
            document = self._read(_content(line, start), str(self._path))
        except (OSError, EvalError) as e:
            raise EvalError(f"{self._path}: document {document_id!r} is not there any more: {e}") from e
        if document.id != document_id:
            raise EvalError(
                f"{self._path}: document {document_id!r} is not there any more: the file was changed while "
                "it was in use. Run again"
            )
        return document.text


def _content(line: bytes, start: int) -> bytes:
    return (line.removeprefix(codecs.BOM_UTF8) if start == 0 else line).strip()
