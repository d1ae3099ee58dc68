"""The documents of a dataset: a JSON Lines file, a folder of files, or what another library reads."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from ragkit.errors import EvalError
from ragkit.evaluation.rows import Problems, id_of, numbered_lines, object_of, open_bytes, shortened
from ragkit.evaluation.texts import CorpusTexts, HeldTexts, LineTexts
from ragkit.types import Document

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """A document as the corpus states it.

    >>> CorpusRow("d1", title="Warranty", text="It lasts two years.").document().text
    'Warranty\\n\\nIt lasts two years.'
    """

    id: str
    title: str = field(kw_only=True)
    text: str = field(kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, kw_only=True)

    @property
    def text_start(self) -> int:
        """Where in the document's text the row's `text` begins: behind its title and a blank line."""
        return len(self.title) + 2 if self.title else 0

    def document(self) -> Document:
        """What is ingested: title, blank line, text. Metadata counts where a field is declared."""
        text = f"{self.title}\n\n{self.text}" if self.title else self.text
        return Document(self.id, text, uri=self.id)


class Corpus(Protocol):
    """Where the documents of a dataset come from. They may be read any number of times."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def rows(self, problems: Problems | None = None) -> Iterator[CorpusRow]:
        """Each document with its parts, one at a time.

        Args:
            problems: where what is wrong is gathered, so that the sound ones go on.

        Raises:
            EvalError: a document is malformed or repeats an id, and `problems` is not given.
        """
        ...

    def documents(self) -> Iterator[Document]:
        """Each document as `RAG.ingest` takes it.

        Raises:
            EvalError: as for `rows`.
        """
        ...

    def texts(self) -> CorpusTexts:
        """The documents' texts by id; made once.

        Raises:
            EvalError: as for `rows`.
        """
        ...

    def digest(self) -> bytes:
        """SHA-256 of the content.

        Raises:
            EvalError: it cannot be read.
        """
        ...


class LineCorpus:
    """The corpus of BEIR layout: a JSON object `{"_id", "title"?, "text", "metadata"?}` on each line.

    Of what was read only ids and places in the file stay in memory; of a packed file, whose lines cannot be
    looked up, the texts do.

    Example:
        corpus = LineCorpus(Path("scifact/corpus.jsonl"))
        next(corpus.rows()).title
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self, problems: Problems | None = None) -> Iterator[CorpusRow]:
        """See `Corpus`."""
        seen: set[str] = set()
        gathering = Problems() if problems is None else problems
        with gathering.gathered():
            for number, line in numbered_lines(self.path):
                row = None
                with gathering.gathered():
                    row = read_row(line, f"{self.path}:{number}", seen)
                if row is not None:
                    seen.add(row.id)
                    yield row
                if problems is None:
                    gathering.settle()
        if problems is None:
            gathering.settle()

    def documents(self) -> Iterator[Document]:
        """See `Corpus`."""
        return (row.document() for row in self.rows())

    def texts(self) -> CorpusTexts:
        """See `Corpus`."""
        return self._texts

    def digest(self) -> bytes:
        """SHA-256 of the unpacked content."""
        return file_digest(self.path)

    @cached_property
    def _texts(self) -> CorpusTexts:
        if self.path.suffix == ".gz":
            return HeldTexts({document.id: document.text for document in self.documents()})
        return LineTexts(self.path, lambda line, where: read_row(line, where, ()).document())


class MadeCorpus:
    """Documents that code gives, such as a connector to another library; it is called for each reading.

    >>> corpus = MadeCorpus("mine", lambda: [CorpusRow("d1", title="", text="One.")])
    >>> [document.text for document in corpus.documents()]
    ['One.']
    """

    def __init__(self, name: str, give: Callable[[], Iterable[CorpusRow]]) -> None:
        self.name = name
        self._give = give

    def rows(self, problems: Problems | None = None) -> Iterator[CorpusRow]:
        """See `Corpus`."""
        seen: set[str] = set()
        for row in self._give():
            if row.id in seen:
                repeated = f"{self.name}: the id {row.id!r} was there before: ids are unique"
                if problems is None:
                    raise EvalError(repeated)
                problems.found.append(repeated)
                continue
            seen.add(row.id)
            yield row

    def documents(self) -> Iterator[Document]:
        """See `Corpus`."""
        return (row.document() for row in self.rows())

    def texts(self) -> CorpusTexts:
        """See `Corpus`. All texts are held in memory."""
        return self._texts

    def digest(self) -> bytes:
        """SHA-256 over ids, texts and metadata, in their order."""
        total = hashlib.sha256()
        for row in self.rows():
            stated = json.dumps(dict(row.metadata), sort_keys=True, default=repr) if row.metadata else ""
            for part in (row.id, row.document().text, *filter(None, (stated,))):
                content = part.encode("utf-8", "surrogatepass")
                total.update(b"%d:" % len(content) + content)
        return total.digest()

    @cached_property
    def _texts(self) -> CorpusTexts:
        return HeldTexts({document.id: document.text for document in self.documents()})


def read_row(line: bytes, where: str, seen: set[str] | tuple[()]) -> CorpusRow:
    """The document on a line of `corpus.jsonl`.

    Raises:
        EvalError: it is malformed, or its id is one of `seen`.
    """
    row = object_of(line, where)
    id_ = id_of(row.get("_id"), where, "_id")
    if id_ in seen:
        raise EvalError(f"{where}: the id {id_!r} was there before: ids are unique")
    title, metadata = row.get("title"), row.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise EvalError(f"{where}: metadata: expected an object, got {shortened(metadata)}")
    return CorpusRow(
        id_,
        title="" if title is None else _text(title, "title", where).strip(),
        text=_text(row.get("text"), "text", where),
        metadata=metadata or _NOTHING,
    )


def file_digest(path: Path) -> bytes:
    """SHA-256 of a file's unpacked content.

    Raises:
        EvalError: it cannot be read.
    """
    try:
        with open_bytes(path) as content:
            return hashlib.file_digest(content, "sha256").digest()  # type: ignore[arg-type]
    except (EOFError, OSError, zlib.error) as e:
        raise EvalError(f"{path}: cannot be read: {e}") from e


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise EvalError(f"{where}: {key}: expected a text, got {shortened(value)}")
    return value
