"""What is ingested: documents in their canonical text, and the chunks and sentences cut out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

Scalar = str | int | float | bool
MetadataValue = Scalar | Sequence[Scalar] | None
Metadata = Mapping[str, MetadataValue]
_EMPTY: Metadata = MappingProxyType({})


def _no_metadata() -> Metadata:
    return _EMPTY


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of characters, `start` inclusive, `end` exclusive.

    >>> Span(2, 5).of("abcdefg")
    'cde'
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"Span({self.start}, {self.end}): expected 0 <= start <= end")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """The characters of `text` that this span covers."""
        return text[self.start : self.end]

    def shift(self, offset: int) -> Span:
        """This span moved by `offset` characters."""
        return Span(self.start + offset, self.end + offset)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a document and the range it governs, up to the next heading of its level or above."""

    title: str
    span: Span = field(kw_only=True)
    level: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Document:
    """A source document in its canonical text, the text that all positions count in.

    Args:
        id: unique within its tenant.
        text: the canonical text.
        metadata: filterable fields; values are strings, numbers, booleans or lists of them.
        uri: where it came from, as shown with a citation.
        acl: the groups that may read it; where the collection declares `acl`, nobody may when it is empty.
        pages: the span of each page, first page first; empty where the format has no pages.
        sections: headings in reading order.
        blocks: structural units (paragraphs, list items, table rows, code) in reading order, not overlapping;
            chunkers prefer to cut between them.

    >>> Document("a", "Hello.", metadata={"lang": "en"}).text
    'Hello.'
    """

    id: str
    text: str
    metadata: Metadata = field(default_factory=_no_metadata, kw_only=True)
    uri: str | None = field(default=None, kw_only=True)
    acl: tuple[str, ...] = field(default=(), kw_only=True)
    pages: tuple[Span, ...] = field(default=(), kw_only=True)
    sections: tuple[Section, ...] = field(default=(), kw_only=True)
    blocks: tuple[Span, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document: the unit that is embedded, indexed, retrieved and cited.

    `text` is exactly the document's text at `span`. `id` is 32 hexadecimal digits (see
    `ragkit.store.identity`), so a repeated write of the same content is the same write.
    `headings` is the path of section titles above it, outermost first. `page` is where it begins, from 1, and
    `page_starts` where in the document each further page begins that it reaches into, where that is known.
    """

    id: str
    document_id: str
    span: Span = field(kw_only=True)
    text: str = field(kw_only=True)
    ordinal: int = field(kw_only=True)
    uri: str | None = field(default=None, kw_only=True)
    headings: tuple[str, ...] = field(default=(), kw_only=True)
    page: int | None = field(default=None, kw_only=True)
    lang: str = field(default="und", kw_only=True)
    metadata: Metadata = field(default_factory=_no_metadata, kw_only=True)
    tenant: str = field(default="", kw_only=True)
    acl: tuple[str, ...] = field(default=(), kw_only=True)
    page_starts: tuple[int, ...] = field(default=(), kw_only=True)

    def page_at(self, position: int) -> int | None:
        """The page of a place in the document that lies in this chunk; None where it has no pages."""
        return None if self.page is None else self.page + sum(at <= position for at in self.page_starts)

    @property
    def heading(self) -> str:
        """The heading path as one line: `Guide › Install`."""
        return " › ".join(self.headings)

    @property
    def search_text(self) -> str:
        """What is embedded and indexed: the heading path, which names the subject, then the text."""
        return f"{self.heading}\n{self.text}" if self.headings else self.text


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """A sentence of a chunk with all that judging it takes.

    Args:
        span: its place in the document.
        text: the document's text there.
        terms: its words as BM25 indexes them.
        n_tokens: about how many tokens a model makes of it.
        letter_share: the share of letters and blanks among its characters; low for code and tables.
        has_number: whether it states a number.
    """

    span: Span
    text: str = field(kw_only=True)
    terms: frozenset[str] = field(kw_only=True)
    n_tokens: int = field(kw_only=True)
    letter_share: float = field(kw_only=True)
    has_number: bool = field(kw_only=True)
