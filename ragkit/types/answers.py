"""What is answered: sentences with the places that bear them, and what the answer took."""

from __future__ import annotations

import dataclasses
import html
from dataclasses import dataclass, field
from typing import Literal

from ragkit.types.questions import QueryPlan
from ragkit.types.rankings import Context


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
