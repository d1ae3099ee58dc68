"""The values that travel through ragkit: frozen, slotted, and complete enough to be handed on alone.

    Document → Chunk                       ingestion
    Query, QueryPlan → Rankings → Ranking → Context → Answer      a question

Positions are `Span`s in characters of the document's canonical text, end exclusive, and
`document.text[chunk.span.start:chunk.span.end] == chunk.text` always holds.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ragkit.arrays import HitBatch
    from ragkit.filters import Filter

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
    `headings` is the path of section titles above it, outermost first; `page` counts from 1.
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


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """One text to search with. `id` is unique within its plan; `weight` counts in fusion."""

    id: str
    text: str
    weight: float = field(default=1.0, kw_only=True)


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What is to be retrieved for a question, by whom it may be seen, and the texts to search with.

    `tenant`, `acl`, the caller's `filter` and the pinned `commit` are set once, by the application;
    stages may add queries and narrow the filter, never widen it.

    Args:
        question: as it was asked.
        standalone: the question with what it leaves to the turns before it, where a stage has put that in
            words; see `understood`.
        intent: what kind of question a stage takes it for: `faq`, `lookup`, `multi_hop`, `out_of_scope`.
        route: the way that a stage has chosen for it, by its name in that stage's settings.

    >>> QueryPlan.of("How long is the warranty?").queries[0].text
    'How long is the warranty?'
    """

    question: str
    queries: tuple[Query, ...] = field(kw_only=True)
    filter: Filter | None = field(default=None, kw_only=True)
    tenant: str | None = field(default=None, kw_only=True)
    acl: tuple[str, ...] | None = field(default=None, kw_only=True)
    history: tuple[Turn, ...] = field(default=(), kw_only=True)
    commit: int | None = field(default=None, kw_only=True)
    standalone: str | None = field(default=None, kw_only=True)
    intent: str | None = field(default=None, kw_only=True)
    route: str | None = field(default=None, kw_only=True)

    @property
    def understood(self) -> str:
        """The question as it is understood: standing alone where a stage found how, else as it was asked."""
        return self.standalone or self.question

    @classmethod
    def of(
        cls,
        question: str,
        *,
        filter: Filter | None = None,  # noqa: A002  (the public word for it)
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        history: Sequence[Turn] = (),
    ) -> QueryPlan:
        """The plan that searches with the question itself."""
        return cls(
            question,
            queries=(Query("q", question),),
            filter=filter,
            tenant=tenant,
            acl=None if acl is None else tuple(acl),
            history=tuple(history),
        )


@dataclass(frozen=True, slots=True)
class ArmRanking:
    """What one retriever found for one query: ids and scores, best first.

    `trust` in [0, 1] is the retriever's own word on whether it can judge this query at all (a dense
    retriever whose model does not know the query's language says 0); fusion weighs by it. `floor` is what
    a chunk outside of `hits` is taken to score: 0 for BM25, where most share no word with the query, the
    last returned score for a dense retriever, where the next ones follow closely.
    """

    query: Query
    retriever: str = field(kw_only=True)
    hits: HitBatch = field(kw_only=True)
    trust: float = field(default=1.0, kw_only=True)
    floor: float = field(default=0.0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Rankings:
    """One ranking per query and retriever, not yet fused."""

    plan: QueryPlan
    arms: tuple[ArmRanking, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk. `scores` keeps what each stage said of it, by the stage's name."""

    chunk: Chunk
    score: float
    scores: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}), kw_only=True)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Retrieved chunks, best first; equal scores stand in order of chunk id.

    `degraded` is set on what `RAG.retrieve` gives: it names each stage that failed and was skipped.
    """

    plan: QueryPlan
    hits: tuple[Hit, ...]
    degraded: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved chunk and what is kept of it: `keep` holds spans of the *document*, in order, disjoint."""

    hit: Hit
    keep: tuple[Span, ...]

    @property
    def chunk(self) -> Chunk:
        """The chunk this passage was taken from."""
        return self.hit.chunk

    def texts(self) -> tuple[str, ...]:
        """The kept texts, in order, one per span."""
        base = self.chunk.span.start
        return tuple(self.chunk.text[s.start - base : s.end - base] for s in self.keep)

    @property
    def text(self) -> str:
        """The kept texts, with ` … ` where something between them was left out."""
        return " … ".join(t.strip() for t in self.texts())


@dataclass(frozen=True, slots=True)
class Context:
    """The passages a generator may use and cite, best first."""

    plan: QueryPlan
    passages: tuple[Passage, ...]

    @classmethod
    def of(cls, ranking: Ranking) -> Context:
        """Every hit of a ranking, whole."""
        return cls(ranking.plan, tuple(Passage(hit, (hit.chunk.span,)) for hit in ranking.hits))


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a source document: `quote` is the document's text at `start:end`, checked.

    `support` in [0, 1] is how well the quote supports the sentence that cites it.
    """

    marker: int
    document_id: str = field(kw_only=True)
    start: int = field(kw_only=True)
    end: int = field(kw_only=True)
    quote: str = field(kw_only=True)
    chunk_id: str = field(kw_only=True)
    support: float = field(kw_only=True)
    uri: str | None = field(default=None, kw_only=True)
    page: int | None = field(default=None, kw_only=True)
    heading: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, without its markers, and the citations that bear it.

    `problems` says what verification found wrong with it, for a sentence that is flagged or dropped.
    """

    text: str
    citations: tuple[Citation, ...] = field(default=(), kw_only=True)
    problems: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def marked(self) -> str:
        """The text followed by its markers: `It lasts two years. [1]`."""
        markers = dict.fromkeys(citation.marker for citation in self.citations)
        return " ".join((self.text, *(f"[{marker}]" for marker in markers)))


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took. Tokens and money are None where unknown, never 0 for unknown."""

    seconds: float = 0.0
    input_tokens: int | None = field(default=None, kw_only=True)
    output_tokens: int | None = field(default=None, kw_only=True)
    usd: float | None = field(default=None, kw_only=True)


Cached = Literal["", "result", "semantic"]
"""Whether an answer was kept from before, and by what: its very question, or one that means the same."""

AbstainReason = Literal["no_evidence", "no_documents", "unsupported", "conflicting", "out_of_scope"]


@dataclass(frozen=True, slots=True)
class Correction:
    """What verification asks a generator to write anew: the draft, and its sentences that did not hold.

    Each of `refused` has its `problems`.

    >>> Correction("It lasts 3 years. [1]", refused=()).draft
    'It lasts 3 years. [1]'
    """

    draft: str
    refused: tuple[Sentence, ...] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and what bears it.

    `text` carries the markers: `It lasts two years. [1]`. When `abstained`, `text` says so in words and
    `reason` why; `degraded` names each stage that failed and was skipped, so that "nothing found" and
    "something was down" are never confused. `dropped` holds sentences removed by verification, and
    `correction` what it would have written anew, where it is told to ask for that.
    `generator` names the stage that wrote it: `generate/extractive` means that every sentence is quoted
    from the documents and no language model was asked. `confidence` in [0, 1] is the generator's own word on
    how likely the documents answer the question with what it cites, whether it answered or abstained; None
    where it does not say. `short` is the place in a document that answers in a few words (a name, a number,
    a date), where a generator found one; it lies within a citation and has its marker.
    `cached` says whether the answer was kept from before, by its very question or by one that means the same;
    its `usage` is then what this answer took: seconds, and no tokens.
    """

    plan: QueryPlan = field(repr=False)
    text: str = field(kw_only=True)
    sentences: tuple[Sentence, ...] = field(default=(), kw_only=True)
    context: Context | None = field(default=None, kw_only=True, repr=False)
    abstained: bool = field(default=False, kw_only=True)
    reason: AbstainReason | None = field(default=None, kw_only=True)
    dropped: tuple[Sentence, ...] = field(default=(), kw_only=True)
    correction: Correction | None = field(default=None, kw_only=True, repr=False)
    degraded: tuple[str, ...] = field(default=(), kw_only=True)
    usage: Usage = field(default_factory=Usage, kw_only=True)
    generator: str = field(default="", kw_only=True)
    confidence: float | None = field(default=None, kw_only=True)
    short: Citation | None = field(default=None, kw_only=True)
    trace_id: str = field(default="", kw_only=True)
    cached: Cached = field(default="", kw_only=True)

    @property
    def question(self) -> str:
        """The question as it was asked."""
        return self.plan.question

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations in order of first appearance, each once."""
        return tuple(dict.fromkeys(c for sentence in self.sentences for c in sentence.citations))

    def with_(self, **changes: object) -> Answer:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def _repr_html_(self) -> str:
        """The answer as a notebook shows it. Every text is escaped: documents are not trusted."""
        rows = "".join(
            f"<li><b>[{c.marker}]</b> {html.escape(c.uri or c.document_id)}"
            f"{f', p. {c.page}' if c.page else ''}{f' — {html.escape(c.heading)}' if c.heading else ''}"
            f"<blockquote>{html.escape(c.quote)}</blockquote></li>"
            for c in self.citations
        )
        notes = f"<p><i>degraded: {html.escape(', '.join(self.degraded))}</i></p>" if self.degraded else ""
        body = html.escape(self.text).replace("\n", "<br>")
        return f"<div class='ragkit-answer'><p>{body}</p>{notes}<ol style='list-style:none'>{rows}</ol></div>"
