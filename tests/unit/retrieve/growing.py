"""Documents cut into chunks as ingestion does it, and a collection that knows what lies around these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.parse.markdown import parse_markdown
from ragkit.protocols import Collection, Surroundings
from ragkit.types import Chunk, Document, Hit, QueryPlan, Ranking, Span
from tests.unit.stand_ins import Wordless, WordsOnly


class Around(Wordless):
    """Shows documents, or the part of each that is given."""

    def __init__(self, *documents: Document, shown: Mapping[str, Span] | None = None) -> None:
        self.documents = {document.id: document for document in documents}
        self.shown = shown or {}

    def around(self, chunks: Sequence[Chunk], plan: QueryPlan) -> list[Surroundings | None]:
        return [self._of(self.documents.get(chunk.document_id)) for chunk in chunks]

    def _of(self, document: Document | None) -> Surroundings | None:
        if document is None:
            return None
        return Surroundings(document, self.shown.get(document.id, Span(0, len(document.text))))


class Resources(WordsOnly):
    """What a stage is set up with, over any collection."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    @property
    def collection(self) -> Any:
        return self._collection


def markdown(text: str, document_id: str = "guide.md") -> Document:
    """A page as ingestion reads it."""
    parsed = parse_markdown(text)
    return Document(document_id, parsed.text, sections=parsed.sections, blocks=parsed.blocks)


def cut(document: Document, size: int = 20, tenant: str = "") -> list[Chunk]:
    """Its chunks."""
    spans = RecursiveChunker(size=size, overlap=0).split(document)
    return make_chunks(document, spans, tenant, "test")


def hits_of(chunks: Sequence[Chunk]) -> tuple[Hit, ...]:
    """The chunks as hits, with falling scores."""
    return tuple(Hit(one, 1.0 / (1 + n), scores={"bm25": 10.0 - n}) for n, one in enumerate(chunks))


def ranking_of(chunks: Sequence[Chunk]) -> Ranking:
    return Ranking(QueryPlan.of("?"), hits_of(chunks))
