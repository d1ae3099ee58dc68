"""A folder of one's own documents as the corpus of a dataset, read by the parsers that ingestion uses."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from ragkit.errors import ConfigError, DocumentError, EvalError
from ragkit.evaluation.corpus import CorpusRow
from ragkit.evaluation.rows import Problems
from ragkit.evaluation.texts import CorpusTexts, HeldTexts
from ragkit.ingest.fit import fitted
from ragkit.ingest.load.discover import discover
from ragkit.ingest.load.source import SourceFile
from ragkit.ingest.parse.formats import parse
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.types import Document


class FolderCorpus:
    """All documents in and below a folder, of any format that can be ingested.

    Ids are paths below the folder, as ingestion of the folder gives them, and texts and sections are the
    same. What ingestion would reject or set aside is an error: a judgement of it could not be met. The parsed
    documents are held in memory.

    Args:
        folder: where they lie.
        without: ids of documents that do not belong to the corpus; they are not read.

    Example:
        corpus = FolderCorpus(Path("docs"))
        [document.id for document in corpus.documents()]
    """

    def __init__(self, folder: Path, *, without: Collection[str] = ()) -> None:
        self.folder = folder
        self._without = frozenset(without)

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    def rows(self, problems: Problems | None = None) -> Iterator[CorpusRow]:
        """See `Corpus`. The title of a document is in its text already."""
        gathering = Problems() if problems is None else problems
        documents: tuple[Document, ...] = ()
        with gathering.gathered():
            documents = self._documents
        if problems is None:
            gathering.settle()
        for document in documents:
            yield CorpusRow(document.id, title="", text=document.text, metadata=dict(document.metadata))

    def documents(self) -> Iterator[Document]:
        """See `Corpus`."""
        return iter(self._documents)

    def texts(self) -> CorpusTexts:
        """See `Corpus`."""
        return self._texts

    def digest(self) -> bytes:
        """SHA-256 over ids and bytes of the files, in the order of ids: no version of a parser counts."""
        total = hashlib.sha256()
        for file in self._files:
            try:
                content = file.read()
            except DocumentError as e:
                raise EvalError(f"{file.uri}: {e}") from e
            total.update(f"{file.id}\n{len(content)}\n".encode("utf-8", "surrogatepass"))
            total.update(content)
        return total.digest()

    @cached_property
    def _files(self) -> tuple[SourceFile, ...]:
        if not self.folder.is_dir():
            raise EvalError(f"{self.folder}: no such folder of documents")
        try:
            found = sorted(discover(self.folder), key=lambda file: file.id)
        except ConfigError as e:
            raise EvalError(str(e)) from e
        unknown = self._without - {file.id for file in found}
        if unknown:
            raise EvalError(
                f"{self.folder}: has no {', '.join(sorted(unknown)[:5])}, which should be left out"
            )
        return tuple(file for file in found if file.id not in self._without)

    @cached_property
    def _documents(self) -> tuple[Document, ...]:
        problems, documents = Problems(), list[Document]()
        with Sandbox() as sandbox:
            for file in self._files:
                try:
                    document = parse(file, sandbox=sandbox)
                    # As ingestion of the file does: it must not say whose it is or who may read it.
                    documents.append(replace(document, metadata=fitted(document.metadata, {})))
                except DocumentError as e:
                    told = f"{file.uri}: cannot be ingested: {e}. Mend it or move it elsewhere"
                    problems.found.append(told)
        problems.settle()
        return tuple(documents)

    @cached_property
    def _texts(self) -> CorpusTexts:
        return HeldTexts({document.id: document.text for document in self._documents})
