"""`verify/citations`: a citation is a checked place in a source document, or it is not shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.settings import Settings
from ragkit.text.language import detect_language
from ragkit.text.wording import abstention
from ragkit.types import Answer, Citation, Context, Passage, Sentence, Span

# A minus only where nothing stands before it: between numbers it is a dash.
_NUMBER = re.compile(
    r"(?:(?<![^\s(\[=<>≈~])[-−–])?"
    r"(?:(?<!\d)[1-9]\d{0,2}(?P<grouped>(?:[ ,]\d{3})+)(?!\d)(?:[.,]\d+)*|\d+(?:[.,:]\d+)*)"
)
_MARKER = re.compile(r"\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a citation was refused."""

    citation: Citation
    problem: str


@stage("verify/citations")
class VerifyCitations(Stage[Answer, Answer]):
    """Checks every citation of an answer against the passages it was made from.

    A citation holds when its chunk is in the context, its span lies within what was kept of it, its quote is
    the text at that span character for character, its support reaches `min_support`, and every number of
    the sentence stands in one of the sentence's quotes. A sentence left without a citation is dropped,
    flagged, or makes the whole answer an abstention with reason `unsupported`. The answer's text is made anew
    from the sentences where it says anything else than they do.

    >>> VerifyCitations(on_unsupported="flag").config.on_unsupported
    'flag'
    """

    class Config(Settings):
        on_unsupported: Literal["drop", "flag", "abstain"] = Field(
            "drop", description="What to do with a sentence that no citation bears out."
        )
        min_support: float = Field(0.0, ge=0.0, le=1.0, description="Support a citation needs.")

    config: Config

    def run(self, answer: Answer, ctx: RunContext) -> Answer:
        if answer.abstained or answer.context is None:
            return answer
        findings: list[Finding] = []
        kept: list[Sentence] = []
        dropped: list[Sentence] = []
        for sentence in answer.sentences:
            checked = self._check(sentence, answer.context, findings)
            (kept if checked.citations or self.config.on_unsupported == "flag" else dropped).append(checked)
        ctx.note(
            citations=sum(len(s.citations) for s in answer.sentences),
            refused=[f"[{f.citation.marker}] {f.problem}" for f in findings],
        )
        if not kept or (dropped and self.config.on_unsupported == "abstain"):
            return answer.with_(
                text=abstention("unsupported", detect_language(answer.question)),
                sentences=(),
                abstained=True,
                reason="unsupported",
                dropped=tuple(dropped),
            )
        if not findings and not dropped and _says(answer.text, kept):
            return answer
        text = " ".join(sentence.marked for sentence in kept)
        return answer.with_(text=text, sentences=tuple(kept), dropped=tuple(dropped))

    def _check(self, sentence: Sentence, context: Context, findings: list[Finding]) -> Sentence:
        good: list[Citation] = []
        for citation in sentence.citations:
            problem = position_problem(citation, context)
            if problem is None and citation.support < self.config.min_support:
                problem = f"support {citation.support:.2f} is below {self.config.min_support:.2f}"
            if problem is None:
                good.append(citation)
            else:
                findings.append(Finding(citation, problem))
        missing = numbers(sentence.text) - {n for c in good for n in numbers(c.quote)}
        if good and missing:
            findings.extend(Finding(c, f"does not state {', '.join(sorted(missing))}") for c in good)
            good = []
        return replace(sentence, citations=tuple(good))


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


def numbers(text: str) -> set[str]:
    """The numbers a text states, with their sign, in one spelling: no grouping, a point for decimals.

    A comma before three digits groups, as in English; before others it stands for a decimal point.

    >>> sorted(numbers("от −5 до 10 000, 1,234.50 и 1,5"))
    ['-5', '1.5', '10000', '1234.50']
    """
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in " ".join(text.split()))
    found = {c for c in plain if c.isnumeric() and not c.isdecimal()}
    for match in _NUMBER.finditer(plain):
        number, grouped = match[0], match["grouped"]
        if grouped:
            number = number.replace(grouped, grouped.replace(" ", "").replace(",", ""), 1)
        found.add(number.replace(",", ".").replace("−", "-").replace("–", "-"))
    return found


def _says(text: str, sentences: Sequence[Sentence]) -> bool:
    """Whether a text is these sentences and their markers, wherever the markers and the blanks stand."""
    joined = " ".join(sentence.marked for sentence in sentences)
    same_words = _without_markers(text) == _without_markers(joined)
    return same_words and set(_MARKER.findall(text)) == set(_MARKER.findall(joined))


def _without_markers(text: str) -> str:
    return "".join(_MARKER.sub("", text).split())


def _within(span: Span, passage: Passage) -> bool:
    return any(keep.start <= span.start and span.end <= keep.end for keep in passage.keep)
