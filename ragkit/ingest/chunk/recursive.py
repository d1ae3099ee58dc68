"""`chunk/recursive`: cuts by sections first, then blocks, sentences, words and, last of all, characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import Field, model_validator

from ragkit.ingest.chunk.measure import Measure, TokenSpans
from ragkit.ingest.chunk.pack import Limits, pack
from ragkit.ingest.chunk.units import Part, Unit, parts_of
from ragkit.protocols import Embedder
from ragkit.settings import Settings
from ragkit.store.identity import fingerprint_of
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.text.tokens import count_tokens
from ragkit.types import Document, Span

_VERSION = "recursive/1"
# Tokens of the model's limit that are kept for the heading path, which is embedded with each chunk, and
# for the model's own marks.
_RESERVE = 42
# Headings down to this level part chunks even where both sides would fit into one.
_HARD_LEVEL = 2


@runtime_checkable
class HasTokenSpans(Protocol):
    """An embedder that shows where its tokens lie, so that chunks are measured as it will read them."""

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Start and end of each token, in characters."""
        ...


@dataclass(frozen=True, slots=True)
class _Ruler:
    limits: Limits
    name: str = field(kw_only=True)
    spans: TokenSpans | None = field(default=None, kw_only=True)


class RecursiveChunker:
    """Passages of at most `size` tokens that follow the document's own structure.

    - A chunk never reaches across a heading of level 1 or 2, unless one side is tiny (under a seventh of
      `size`) and both together stay under half of it; a document's title line goes with its first text.
    - Subsections (level 3 and deeper) of one section share a chunk where they fit into it.
    - Within a section, blocks are packed to even lengths; list items, table rows and code stay whole unless
      longer than a chunk. Only there do chunks overlap, by whole sentences.

    >>> chunker = RecursiveChunker(size=20, overlap=0)
    >>> [len(span) for span in chunker.split(Document("a", "One two three. " * 10))]
    [74, 74]
    """

    use: ClassVar[str] = "chunk/recursive"

    class Config(Settings):
        """`size` and `overlap` in tokens of the collection's embedder, or of ragkit's own counting."""

        size: int = Field(default=350, ge=8, le=100_000, description="Tokens a passage may have.")
        overlap: int = Field(default=40, ge=0, description="Tokens it may repeat of the passage before.")

        @model_validator(mode="after")
        def _overlap_leaves_room(self) -> Self:
            if self.overlap * 2 > self.size:
                raise ValueError(f"overlap ({self.overlap}) must be at most half of size ({self.size})")
            return self

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._ruler = _Ruler(Limits(self.config.size, overlap=self.config.overlap), name="ragkit")
        self._model: _Ruler | None = None
        self._model_languages: frozenset[str] = frozenset()

    def measured_by(self, embedder: Embedder) -> RecursiveChunker:
        """This chunker with lengths in the embedder's tokens, and no chunk longer than it reads.

        A document in a language that the embedder does not know is measured by ragkit's own counting: a
        model's tokens of a foreign script are single letters, and its vectors of it are noise anyway.
        """
        bound = type(self)(size=self.config.size, overlap=self.config.overlap)
        size = max(8, min(self.config.size, embedder.max_tokens - _RESERVE))
        limits = Limits(size, overlap=min(self.config.overlap, size // 2))
        spans = embedder.token_spans if isinstance(embedder, HasTokenSpans) else None
        bound._model = _Ruler(limits, name=embedder.fingerprint if spans else "ragkit", spans=spans)
        bound._model_languages = embedder.languages
        return bound

    @property
    def fingerprint(self) -> str:
        """Changes with anything that changes the cuts."""
        rulers = [self._ruler] if self._model is None else [self._ruler, self._model]
        parts = [part for r in rulers for part in (str(r.limits.size), str(r.limits.overlap), r.name)]
        return fingerprint_of(self.use, _VERSION, *parts)

    def split(self, document: Document) -> list[Span]:
        """Spans in reading order, none blank, each at most `size` tokens unless one character is longer."""
        ruler = self._ruler_for(document)
        size = ruler.limits.size
        measure = Measure(document.text, count=count_tokens, spans=ruler.spans)
        spans: list[Span] = []
        for group in _groups(parts_of(document, measure), size):
            if measure(group[0].start, group[-1].end) <= size:
                spans.append(Span(group[0].start, group[-1].end))
            else:
                spans.extend(pack(document.text, group, ruler.limits, measure))
        return spans

    def _ruler_for(self, document: Document) -> _Ruler:
        if self._model is None:
            return self._ruler
        if self._model_languages:
            lang = document.metadata.get("lang")
            known = lang if isinstance(lang, str) else detect_language(document.text)
            if known != UNDETERMINED and known not in self._model_languages:
                return self._ruler
        return self._model


def _groups(parts: Sequence[Part], size: int) -> Iterator[list[Unit]]:
    """Runs of parts that go into one chunk, or single parts that need several."""
    group: list[Unit] = []
    level = weight = 0
    is_bare = False  # the group so far is headings alone
    for part in parts:
        if group and not _joins(level, weight, is_bare, part, size):
            yield group
            group, weight = [], 0
        if not group:
            level, is_bare = part.level, True
        group.extend(part.units)
        weight += part.weight
        is_bare = is_bare and not part.has_body
    if group:
        yield group


def _joins(level: int, weight: int, is_bare: bool, part: Part, size: int) -> bool:
    """Whether `part` goes into the group of this weight whose first heading has this level."""
    if is_bare:
        return part.level >= level
    if part.level < level or weight + part.weight > size:
        # A shallower heading opens another branch: what follows has nothing to do with the group.
        return False
    if not part.has_body:
        # A heading alone belongs to the subsections under it.
        return False
    if part.level > _HARD_LEVEL:
        return True
    tiny = size // 7
    return (weight < tiny or part.weight < tiny) and weight + part.weight <= size // 2
