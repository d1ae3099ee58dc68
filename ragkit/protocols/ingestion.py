"""What gives documents, cuts them into passages, and makes terms of texts must offer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ragkit.types import Document, Span, Unread


@runtime_checkable
class Loader(Protocol):
    """Gives documents from somewhere, for `ingest: {load: …}`."""

    def load(self) -> Iterable[Document | Unread]:
        """The documents as they are now, one after the other: read once, and never held as a whole.

        What cannot be read is an `Unread` in its turn; an error that is raised ends the whole ingestion.
        """
        ...


@runtime_checkable
class Chunker(Protocol):
    """Cuts a document into passages."""

    @property
    def fingerprint(self) -> str:
        """Identifies the way of cutting: another fingerprint means another set of chunks."""
        ...

    def split(self, document: Document) -> list[Span]:
        """Spans of the document's text in reading order. Together they cover every non-blank character."""
        ...


@runtime_checkable
class Analyzer(Protocol):
    """Turns a text into the terms that BM25 counts; queries and passages go through the same one."""

    @property
    def fingerprint(self) -> str:
        """Identifies the analysis: terms of two fingerprints must never be mixed in an index."""
        ...

    def terms(self, text: str) -> list[str]:
        """The terms of a text in order, repeats included."""
        ...
