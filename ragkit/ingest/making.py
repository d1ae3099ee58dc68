"""What is done with a document apart from all others: it is read, and cut into passages with their terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragkit.errors import DocumentError
from ragkit.fields import FieldSpec
from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.ingest.feed import Source
from ragkit.ingest.fit import fitted
from ragkit.ingest.load.source import MAX_BYTES, SourceFile
from ragkit.ingest.parse.formats import parse_bytes
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.protocols import Analyzer, Chunker
from ragkit.types import Chunk, Document, Metadata, Unread

Terms = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What a call of `run` says of all its documents."""

    tenant: str | None = None
    acl: Sequence[str] | None = None
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cut:
    """The passages of a document, each with its analysed terms."""

    chunks: tuple[Chunk, ...]
    terms: tuple[Terms, ...]


class Making:
    """From a source to its passages: the same on whatever machine it is done, and nothing is written.

    Args:
        chunker: how documents are cut.
        analyzer: what makes terms of passages.
        fields: the collection's.
        given: what the call says of all documents.
        fingerprint: of the whole way from a source to its records.
        sandbox: where binary formats are parsed; one of its own for each document when left out.

    Example:
        document = making.document(SourceFile("a.md", uri="docs/a.md", path=Path("docs/a.md")))
        making.cut(document, tenant="").chunks
    """

    def __init__(
        self,
        chunker: Chunker,
        analyzer: Analyzer,
        *,
        fields: Mapping[str, FieldSpec],
        given: Given,
        fingerprint: str,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.given = given
        self.fields = fields
        self.fingerprint = fingerprint
        self._chunker = chunker
        self._analyzer = analyzer
        self._sandbox = sandbox

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of the parts that make chunks and terms, by what they are called."""
        return {"chunker": self._chunker.fingerprint, "analyzer": self._analyzer.fingerprint}

    def document(self, source: Source) -> Document:
        """The document of a source, with what the call says of it.

        Raises:
            DocumentError: it cannot be read, or holds no text.
        """
        if isinstance(source, Unread):
            raise DocumentError(source.reason, stage="load")
        if isinstance(source, SourceFile):
            data = source.read(MAX_BYTES)
            return self.parsed(data, source.id, uri=source.uri, extension=source.extension)
        if not source.text.strip():
            reason = "its text is empty. Nothing to index"
            raise DocumentError(reason, stage="parse", rejected=True, blank=True)
        return self.with_given(source)

    def parsed(self, data: bytes, document_id: str, *, uri: str, extension: str) -> Document:
        """The document in the bytes of a file, with what the call says of it.

        Raises:
            DocumentError: it is of no known format, holds no text, or goes beyond a limit.
        """
        document = parse_bytes(data, id=document_id, uri=uri, extension=extension, sandbox=self._sandbox)
        return self.with_given(replace(document, metadata=fitted(document.metadata, self.fields)))

    def with_given(self, document: Document) -> Document:
        """The document with what the call says of all."""
        given = self.given
        metadata = {**document.metadata, **given.metadata}
        acl = document.acl if given.acl is None else tuple(given.acl)
        return replace(document, metadata=metadata, acl=acl)

    def cut(self, document: Document, tenant: str) -> Cut:
        """The passages of a document.

        Raises:
            DocumentError: the chunker failed, or found nothing that a reader would see.
        """
        try:
            spans = self._chunker.split(document)
            chunks = make_chunks(document, spans, tenant, self.fingerprint)
        except DocumentError:
            raise
        except Exception as e:
            reason = f"the chunker failed ({type(e).__name__}: {e})"
            raise DocumentError(reason, stage="chunk") from e
        if not chunks:
            reason = "it gives no chunks: no visible text"
            raise DocumentError(reason, stage="chunk", rejected=True, blank=True)
        terms = tuple(tuple(self._analyzer.terms(chunk.search_text)) for chunk in chunks)
        return Cut(tuple(chunks), terms)
