"""`verify/citations`: a citation is a checked place in a source document, or it is not shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import RerankerRef, Settings
from ragkit.text.language import detect_language
from ragkit.text.wording import abstention
from ragkit.types import Answer, Citation, Context, Correction, Passage, Sentence, Span
from ragkit.verify.cite import Checked, Checker, Thresholds
from ragkit.verify.compose import compose
from ragkit.verify.facts import Material, problems
from ragkit.verify.names import missing_links
from ragkit.verify.passages import Passages
from ragkit.verify.policy import Policy
from ragkit.verify.refusal import refusal
from ragkit.verify.support import LexicalSupport, RerankerSupport, SupportModel
from ragkit.verify.written import Claim, is_cut_off, last_word, read_answer

# From 0.3 to 0.5 the share of freely reworded true sentences that are lost goes from 9 % to 24 %, and that of
# changed ones that are caught from 59 % to 68 % (evals/citation_paraphrases.py, on which it was chosen).
MIN_SUPPORT = 0.4
_MARKER = re.compile(r"\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a citation was refused."""

    citation: Citation
    problem: str


@stage("verify/citations")
class VerifyCitations(Stage[Answer, Answer]):
    """Makes checked citations of an answer's markers, and checks those that it brings along.

    Of an answer that is a text alone (`generate/cited`) the markers are read in whatever shape they have. For
    each sentence the best-supporting places of the passages it points to are found; they are cited where they
    support it and where its quotations, numbers, dates, names and links stand there and no negation or
    comparative is the other way round. A sentence without a marker, or with a wrong one, is given the passage
    that supports it clearly.

    A citation that a generator brings along holds when its chunk is in the context, its span lies within what
    was kept of it, its quote is the text at that span character for character, its support reaches
    `min_support`, and the sentence says nothing that the quotes have otherwise.

    A sentence left without a citation is dropped, flagged, asked for anew (dropped, with `answer.correction`
    for a stage that writes it again), or makes the whole answer an abstention. Its `problems` say what is
    wrong with it.

    >>> VerifyCitations(on_unsupported="flag").config.on_unsupported
    'flag'
    """

    class Config(Settings):
        on_unsupported: Policy = Field(
            "drop",
            description="What to do with a sentence that no citation bears out.",
        )
        min_support: float | None = Field(
            None,
            ge=0.0,
            le=1.0,
            description="Support a citation needs. Left out: 0.4 where a model cites, 0 where a generator "
            "brings the citation along.",
        )
        min_support_uncited: float = Field(
            0.7, ge=0.0, le=1.0, description="Support that a passage needs which the model did not point to."
        )
        attribute: bool = Field(
            True, description="Whether a sentence without a right marker is given the passage that bears it."
        )
        dense_share: float = Field(
            0.25, ge=0.0, le=1.0, description="Weight of embedding similarity in the support, against words."
        )
        reranker: RerankerRef | None = Field(
            None, description="Name of a cross-encoder under `models:` that judges support instead."
        )
        reranker_scale: Literal["logit", "probability"] = Field(
            "logit", description="What the cross-encoder's scores are."
        )

    config: Config
    collection: Collection | None = None
    model: SupportModel = LexicalSupport()

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.model = LexicalSupport(self.collection, self.config.dense_share)
        if self.config.reranker is not None:
            reranker = resources.reranker(self.config.reranker)
            self.model = RerankerSupport(reranker, self.config.reranker_scale)

    def run(self, answer: Answer, ctx: RunContext) -> Answer:
        if answer.abstained or answer.context is None:
            return answer
        if not answer.sentences and answer.text.strip():
            return self._written(answer, answer.context, ctx)
        return self._brought(answer, answer.context, ctx)

    def _written(self, answer: Answer, context: Context, ctx: RunContext) -> Answer:
        """The answer of a model that wrote a text with markers."""
        checker = Checker(
            Passages(context, self.collection), self.model, self._thresholds(), self.config.attribute
        )
        claims = read_answer(answer.text, len(context.passages))
        known: dict[tuple[str, tuple[int, ...]], Checked] = {}
        checked: list[Checked] = []
        for claim in claims:
            # A model that goes round in circles says one thing a thousand times.
            key = (claim.text, claim.numbers)
            if key not in known or claim is claims[-1]:
                known[key] = self._checked(checker, claim, claim is claims[-1])
            checked.append(replace(known[key], claim=claim))
        ctx.note(
            citations=sum(len(claim.numbers) for claim in claims),
            refused=[problem for item in checked for problem in item.refused],
            attributed=sum(item.holds and not item.claim.numbers for item in checked),
            conflicting=sum(item.is_conflicting for item in checked),
        )
        return compose(answer, checked, self.config.on_unsupported, checker.facts_hold)

    def _thresholds(self) -> Thresholds:
        least = MIN_SUPPORT if self.config.min_support is None else self.config.min_support
        return Thresholds(least, max(least, self.config.min_support_uncited))

    def _checked(self, checker: Checker, claim: Claim, is_last: bool) -> Checked:
        if claim.kind == "frame" and not missing_links(claim.text, ""):
            return Checked(claim, Sentence(claim.text))
        if is_last and (is_cut_off(claim) or checker.passages.has_only_longer(last_word(claim))):
            return Checked(claim, Sentence(claim.text, problems=("is cut off",)))
        checked = checker.check(claim)
        if (
            not checked.holds
            and not claim.numbers
            and refusal(claim.text)
            and not missing_links(claim.text, "")
        ):
            return Checked(claim, Sentence(claim.text))
        return checked

    def _brought(self, answer: Answer, context: Context, ctx: RunContext) -> Answer:
        """An answer whose sentences bring their citations along."""
        findings: list[Finding] = []
        kept: list[Sentence] = []
        dropped: list[Sentence] = []
        passages = Passages(context, self.collection)
        for sentence in answer.sentences:
            checked = self._check(sentence, passages, findings)
            stays = checked.citations or self.config.on_unsupported == "flag" or refusal(sentence.text)
            (kept if stays else dropped).append(checked)
        ctx.note(
            citations=sum(len(s.citations) for s in answer.sentences),
            refused=[f"[{f.citation.marker}] {f.problem}" for f in findings],
        )
        correction = None
        if dropped and self.config.on_unsupported == "regenerate":
            correction = Correction(answer.text, refused=tuple(dropped))
        if not kept or (dropped and self.config.on_unsupported == "abstain"):
            return answer.with_(
                text=abstention("unsupported", detect_language(answer.question)),
                sentences=(),
                abstained=True,
                reason="unsupported",
                dropped=tuple(dropped),
                correction=correction,
            )
        if not findings and not dropped and _says(answer.text, kept):
            return answer
        text = " ".join(sentence.marked for sentence in kept)
        return answer.with_(text=text, sentences=tuple(kept), dropped=tuple(dropped), correction=correction)

    def _check(self, sentence: Sentence, passages: Passages, findings: list[Finding]) -> Sentence:
        good: list[Citation] = []
        least = self.config.min_support or 0.0
        wrong = len(findings)
        for citation in sentence.citations:
            problem = position_problem(citation, passages.context)
            if problem is None and citation.support < least:
                problem = f"support {citation.support:.2f} is below {least:.2f}"
            if problem is None:
                good.append(citation)
            else:
                findings.append(Finding(citation, problem))
        if good and (found := problems(sentence.text, _material(good, passages))):
            why = "; ".join(problem.text for problem in found)
            findings.extend(Finding(citation, why) for citation in good)
            good = []
        told = tuple(dict.fromkeys(finding.problem for finding in findings[wrong:])) if not good else ()
        return replace(sentence, citations=tuple(good), problems=told)


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
