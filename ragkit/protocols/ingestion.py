"""What turns documents into passages, and texts into terms, must offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ragkit.types import Document, Span


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
