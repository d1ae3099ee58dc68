"""Citations that a generator brings along: each is exactly where it says, and bears its sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragkit.graph.stage import RunContext
from ragkit.types import Answer, Citation, Context, Correction, Passage, Sentence, Span
from ragkit.verify.facts import Material, problems
from ragkit.verify.passages import Passages
from ragkit.verify.policy import Policy, abstained, borne
from ragkit.verify.refusal import refusal

_MARKER = re.compile(r"\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a citation was refused."""

    citation: Citation
    problem: str


@dataclass(frozen=True, slots=True)
class Brought:
    """Checks the citations of an answer that has them, against its passages.

    Example:
        Brought(Passages(context), 0.0).verified(answer, "drop", ctx)
    """

    passages: Passages
    min_support: float

    def verified(self, answer: Answer, policy: Policy, ctx: RunContext) -> Answer:
        """The answer with the citations that hold; itself where all do."""
        findings: list[Finding] = []
        kept: list[Sentence] = []
        dropped: list[Sentence] = []
        for sentence in answer.sentences:
            checked = self._check(sentence, findings)
            (kept if checked.citations or policy == "flag" or refusal(sentence.text) else dropped).append(
                checked
            )
        ctx.note(
            citations=sum(len(s.citations) for s in answer.sentences),
            refused=[f"[{f.citation.marker}] {f.problem}" for f in findings],
        )
        correction = None
        if dropped and policy == "regenerate":
            correction = Correction(answer.text, refused=tuple(dropped))
        if not kept or (dropped and policy == "abstain"):
            return replace(abstained(answer, "unsupported", dropped), correction=correction)
        if not findings and not dropped and _says(answer.text, kept):
            return answer
        return answer.with_(
            text=" ".join(sentence.marked for sentence in kept),
            sentences=tuple(kept),
            dropped=(*answer.dropped, *dropped),
            correction=correction,
            short=borne(answer.short, kept),
        )

    def _check(self, sentence: Sentence, findings: list[Finding]) -> Sentence:
        good: list[Citation] = []
        wrong = len(findings)
        for citation in sentence.citations:
            problem = position_problem(citation, self.passages.context)
            if problem is None and citation.support < self.min_support:
                problem = f"support {citation.support:.2f} is below {self.min_support:.2f}"
            if problem is None:
                good.append(citation)
            else:
                findings.append(Finding(citation, problem))
        if (
            good
            and not _is_quoted(sentence.text, good)
            and (found := problems(sentence.text, _material(good, self.passages)))
        ):
            why = "; ".join(problem.text for problem in found)
            findings.extend(Finding(citation, why) for citation in good)
            good = []
        told = () if good else tuple(dict.fromkeys(finding.problem for finding in findings[wrong:]))
        return replace(sentence, citations=tuple(good), problems=told)


def _is_quoted(text: str, citations: Sequence[Citation]) -> bool:
    """Whether a text is that of a quote, blanks aside, so that it can say nothing otherwise."""
    said = " ".join(text.split())
    return any(said in " ".join(citation.quote.split()) for citation in citations)


def _material(citations: Sequence[Citation], passages: Passages) -> Material:
    chunks = [p.chunk for p in passages.context.passages if p.chunk.id in {c.chunk_id for c in citations}]
    around = "\n".join((*(f"{c.search_text}\n{c.uri or ''}" for c in chunks), passages.context.plan.question))
    return Material(tuple(c.quote for c in citations), around=around, known=passages.known_names)


def position_problem(citation: Citation, context: Context) -> str | None:
    """What is wrong with the place a citation names, or None when it is exactly where it says."""
    passage = next((p for p in context.passages if p.chunk.id == citation.chunk_id), None)
    if passage is None:
        return "cites a passage that was not retrieved"
    if citation.document_id != passage.chunk.document_id:
        return f"names document {citation.document_id!r}, its passage is from {passage.chunk.document_id!r}"
    if citation.uri is not None and citation.uri != passage.chunk.uri:
        return f"names the address {citation.uri!r}, its passage is from {passage.chunk.uri!r}"
    if not 0 <= citation.start < citation.end or not _within(Span(citation.start, citation.end), passage):
        return f"{citation.start}:{citation.end} lies outside of the passage"
    base = passage.chunk.span.start
    if passage.chunk.text[citation.start - base : citation.end - base] != citation.quote:
        return "its quote is not the text of the document at that place"
    return None


def _says(text: str, sentences: Sequence[Sentence]) -> bool:
    """Whether a text is these sentences and their markers, wherever the markers and the blanks stand."""
    joined = " ".join(sentence.marked for sentence in sentences)
    same_words = _without_markers(text) == _without_markers(joined)
    return same_words and set(_MARKER.findall(text)) == set(_MARKER.findall(joined))


def _without_markers(text: str) -> str:
    return "".join(_MARKER.sub("", text).split())


def _within(span: Span, passage: Passage) -> bool:
    return any(keep.start <= span.start and span.end <= keep.end for keep in passage.keep)
