"""Who does the work that each document takes apart from the others: this process, or workers elsewhere.

A run decides, in order, what is to be written, and writes it; reading, cutting and embedding give the same
wherever they are done, so that a run differs by its crew in nothing but time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from ragkit.ingest.embed import Embedded, Embedding, Step, embed_documents
from ragkit.ingest.feed import Source
from ragkit.ingest.making import Cut, Making
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.types import Document


class Read(Protocol):
    """A source that is read now, or was read elsewhere."""

    @property
    def source(self) -> Source:
        """What was to be read."""
        ...

    def document(self) -> Document:
        """Its document, see `Making.document`."""
        ...

    def cut(self, document: Document, tenant: str) -> Cut:
        """Its passages, see `Making.cut`."""
        ...


class Embeds(Protocol):
    """Texts of several documents that are being embedded."""

    def result(self, step: Step) -> Embedded:
        """What became of them, see `embed_documents`; `step` is told of progress meanwhile."""
        ...


class Crew(Protocol):
    """Who reads, cuts and embeds."""

    @property
    def ahead(self) -> int:
        """How many batches are embedded while the one before them is written; 0 for one after the other."""
        ...

    def read(self, sources: Iterable[Source], known_hash: KnownHash) -> Iterator[Read]:
        """The sources in their order, one after the other.

        Args:
            sources: read no further ahead than there is room for what comes of them.
            known_hash: the content hash under which a document is committed by its id, empty where it is not:
                what is the same need not be cut again.
        """
        ...

    def embed(self, texts: Sequence[Sequence[str]], languages: Mapping[str, str]) -> Embeds:
        """Begins to embed the texts of each document."""
        ...

    def close(self) -> None:
        """Ends the work, also in the middle of a document."""
        ...


KnownHash = Callable[[str], str]
Hire = Callable[[Making, Embedding], AbstractContextManager[Crew]]
"""Makes the crew of one run."""


class Here:
    """This process does everything itself, one document after the other.

    Args:
        making: how documents are read and cut.
        embedding: the collection's embedder.
        sandbox: where binary formats are parsed; it is closed with the crew.
    """

    ahead = 0

    def __init__(self, making: Making, embedding: Embedding, sandbox: Sandbox) -> None:
        self._making = making
        self._embedding = embedding
        self._sandbox = sandbox

    def __enter__(self) -> Here:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, sources: Iterable[Source], known_hash: KnownHash) -> Iterator[Read]:
        """See `Crew.read`; each is read when it is asked for."""
        return (ReadHere(source, self._making) for source in sources)

    def embed(self, texts: Sequence[Sequence[str]], languages: Mapping[str, str]) -> Embeds:
        """See `Crew.embed`; it is done when the result is asked for."""
        return _EmbedsHere(texts, languages, self._embedding)

    def close(self) -> None:
        """Ends the parsing of a document that is under way."""
        self._sandbox.close()


class ReadHere:
    """A source that is read by this process, when it is asked for."""

    def __init__(self, source: Source, making: Making) -> None:
        self.source = source
        self._making = making

    def document(self) -> Document:
        """See `Read.document`."""
        return self._making.document(self.source)

    def cut(self, document: Document, tenant: str) -> Cut:
        """See `Read.cut`."""
        return self._making.cut(document, tenant)


class _EmbedsHere:
    def __init__(
        self, texts: Sequence[Sequence[str]], languages: Mapping[str, str], embedding: Embedding
    ) -> None:
        self._texts, self._languages, self._embedding = texts, languages, embedding

    def result(self, step: Step) -> Embedded:
        return embed_documents(self._texts, self._languages, self._embedding, step)
