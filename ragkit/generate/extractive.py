"""`generate/extractive`: an answer made of the documents' own sentences, without a language model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from ragkit.generate.clues import CLUES, Clued, Floats, clues
from ragkit.generate.conflict import conflict
from ragkit.generate.kinds import kind_of
from ragkit.generate.odds import Weights, bundled, confidence, out_of_scope, shares
from ragkit.generate.pieces import Piece, Quotable, without_marker
from ragkit.generate.short import LinearReader, SpanReader, may_be_short
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.language import detect_language
from ragkit.text.relevance import relevance
from ragkit.text.wording import abstention, why_nothing
from ragkit.types import AbstainReason, Answer, Citation, Context, Passage, Sentence, Span

# A footnote of the document would pass for a marker of ours, which points to another source.
_FOOTNOTE = re.compile(r"\[(\d{1,3})\]")
# Of a further sentence's words, the share that the answer must not have said yet.
NEW_WORDS_SHARE = 0.4
# Where the collection is this surely about something else, the abstention says so.
OUT_OF_SCOPE = 0.7
# Of the likeliest sentence's probability, what one that contradicts it needs to be heard.
CONFLICT_RATIO = 0.1
_JUDGED = CLUES.index("judged")


@dataclass(frozen=True, slots=True)
class Weighed:
    """The sentences that may be quoted, what speaks for each, and its probability to be the answer."""

    quotable: Quotable
    clued: Clued
    shares: Floats
    weights: Weights


@stage("generate/extractive")
class ExtractiveGenerate(Stage[Context, Answer]):
    """Selects the sentences that answer the question and puts them in reading order, each one cited.

    It never words anything itself, so it cannot invent; it also cannot combine or conclude.
    `answer.confidence` is the probability that what it quotes, or would have quoted, answers the question.
    Below `min_confidence` it abstains, with the reason `out_of_scope` where the collection is about something
    else, else `no_evidence`. Where two likely sentences give different values for the same thing, it abstains
    with the reason `conflicting` and has both in `answer.dropped`.

    >>> ExtractiveGenerate(max_sentences=2).config.max_sentences
    2
    """

    class Config(Settings):
        max_sentences: int = Field(3, ge=1, le=20, description="Sentences in an answer.")
        min_confidence: float = Field(
            0.2, ge=0.0, le=1.0, description="Probability to be right that an answer needs, or it abstains."
        )
        keep_ratio: float = Field(
            0.15,
            ge=0.0,
            le=1.0,
            description="Probability of a further sentence to be the answer, as a share of the best one's.",
        )
        min_short: float = Field(
            0.5,
            ge=0.0,
            le=1.0,
            description="Probability that a short answer needs among those that its sentence can give.",
        )
        dense_share: float = Field(
            0.5, ge=0.0, le=1.0, description="Weight of embedding similarity against shared words."
        )

    config: Config
    collection: Collection
    reader: SpanReader = LinearReader()

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, context: Context, ctx: RunContext) -> Answer:
        weighed = self.weighed(context)
        if weighed is None:
            return self._abstain(context, why_nothing(context.plan), 0.0)
        chosen = self.choose(weighed)
        sure = confidence(float(weighed.shares[chosen].sum()), float(weighed.shares.sum()), weighed.weights)
        ctx.note(confidence=round(sure, 4), n_sentences=len(weighed.shares))
        if sure < self.config.min_confidence:
            is_foreign = context.plan.intent == "out_of_scope" or (
                out_of_scope(weighed.clued, weighed.weights) >= OUT_OF_SCOPE
            )
            return self._abstain(context, "out_of_scope" if is_foreign else "no_evidence", sure)
        against = _contradicted(weighed, chosen[0], context.plan.understood)
        if against is not None:
            said = [(weighed.quotable.piece(i), _support(weighed, i)) for i in (chosen[0], against)]
            refused = tuple(
                replace(sentence, problems=("the documents give different values",))
                for sentence in _compose(context, said, sure).sentences
            )
            return self._abstain(context, "conflicting", sure).with_(dropped=refused)
        pieces = _pieces(weighed, chosen, context.plan.understood, self.config.max_sentences)
        answer = _compose(context, pieces, sure)
        return answer.with_(short=self._short(answer, weighed.quotable, chosen[0]))

    def weighed(self, context: Context) -> Weighed | None:
        """The quotable sentences of a context with their probabilities; None where there is none."""
        quotable = Quotable.of(context, self.collection)
        candidates = quotable.candidates()
        if not candidates:
            return None
        found = relevance(context.plan, candidates, self.collection, dense_share=self.config.dense_share)
        clued = clues(context.plan.understood, candidates, found)
        weights = bundled(embedded=found.cosines is not None)
        return Weighed(quotable, clued, shares(clued, weights), weights)

    def choose(self, weighed: Weighed) -> list[int]:
        """Positions of the sentences to quote, the likeliest first, each adding words of its own."""
        order = np.argsort(-weighed.shares, kind="stable")
        floor = weighed.shares[order[0]] * self.config.keep_ratio
        chosen: list[int] = []
        said: set[str] = set()
        for i in order.tolist():
            if len(chosen) >= self.config.max_sentences or weighed.shares[i] < floor:
                break
            n, at = weighed.quotable.places[i]
            terms = weighed.quotable.sentences[n][at].terms
            if chosen and len(terms - said) < NEW_WORDS_SHARE * len(terms):
                continue
            chosen.append(i)
            said |= terms
        return chosen

    def _short(self, answer: Answer, quotable: Quotable, lead: int) -> Citation | None:
        """A few words of the likeliest sentence, where the reader is sure enough of them."""
        n, at = quotable.places[lead]
        sentence, chunk = quotable.sentences[n][at], quotable.passages[n].chunk
        (reading,) = self.reader.read(answer.plan.understood, [sentence.text])
        best = next(iter(reading.spans), None)
        if best is None or best.probability < self.config.min_short:
            return None
        quote = best.span.of(sentence.text)
        if not may_be_short(answer.plan.understood, quote):
            return None
        place = best.span.shift(sentence.span.start)
        around = next(
            (
                c
                for c in answer.citations
                if c.chunk_id == chunk.id and c.start <= place.start and place.end <= c.end
            ),
            None,
        )
        if around is None:
            return None
        return replace(around, start=place.start, end=place.end, quote=quote, support=best.probability)

    def _abstain(self, context: Context, reason: AbstainReason, sure: float) -> Answer:
        return Answer(
            context.plan,
            text=abstention(reason, detect_language(context.plan.question)),
            context=context,
            abstained=True,
            reason=reason,
            generator=self.use,
            confidence=round(sure, 4),
        )


def _contradicted(weighed: Weighed, lead: int, question: str) -> int | None:
    """A sentence that gives another value than the likeliest one, and is likely itself; or None."""
    candidates, kind = weighed.quotable.candidates(), kind_of(question)
    likely = np.flatnonzero(weighed.shares >= CONFLICT_RATIO * weighed.shares[lead])
    return next((i for i in likely.tolist() if conflict(kind, candidates[lead], candidates[i])), None)


def _support(weighed: Weighed, i: int) -> float:
    return float(weighed.clued.rows[i, _JUDGED])


def _pieces(weighed: Weighed, chosen: Sequence[int], question: str, most: int) -> list[tuple[Piece, float]]:
    """What is quoted, in reading order, the passage of the likeliest first, each with its relevance."""
    quotable, is_howto = weighed.quotable, kind_of(question) == "manner"
    lead = chosen[0]
    added = list(chosen)
    if len(added) < most and lead > 0 and quotable.piece(lead).leans_back:
        # A pronoun needs its noun.
        before, here = quotable.places[lead - 1], quotable.places[lead]
        if before == (here[0], here[1] - 1):
            added.append(lead - 1)
    pieces = {i: quotable.piece(i, whole_list=is_howto) for i in dict.fromkeys(added)}
    first: dict[int, int] = {}
    for n, i in enumerate(added):
        first.setdefault(pieces[i].passage, n)
    ordered = sorted(pieces, key=lambda i: (first[pieces[i].passage], pieces[i].span.start))
    kept: list[tuple[Piece, float]] = []
    for i in ordered:
        piece = pieces[i]
        # A list that is quoted whole, or what a colon announces, may hold another chosen sentence.
        if kept and kept[-1][0].passage == piece.passage and piece.span.start < kept[-1][0].span.end:
            continue
        kept.append((piece, _support(weighed, i)))
    return kept


def _compose(context: Context, pieces: Sequence[tuple[Piece, float]], sure: float) -> Answer:
    markers = {n: i for i, n in enumerate(dict.fromkeys(p.passage for p, _ in pieces), start=1)}
    sentences = tuple(
        Sentence(
            _readable(piece),
            citations=(_cite(context.passages[piece.passage], piece.span, markers[piece.passage], support),),
        )
        for piece, support in pieces
    )
    return Answer(
        context.plan,
        text=" ".join(sentence.marked for sentence in sentences),
        sentences=sentences,
        context=context,
        generator=ExtractiveGenerate.use,
        confidence=round(sure, 4),
    )


def _readable(piece: Piece) -> str:
    """The text on one line, a list and code on their own; behind a connective it begins with a capital."""
    text = _FOOTNOTE.sub(r"(\1)", piece.text)
    if len(piece.span) > len(piece.sentence.span):
        return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
    line = " ".join(without_marker(text).split())
    was_cut = piece.span.start > piece.sentence.span.start
    return line[:1].upper() + line[1:] if was_cut else line


def _cite(passage: Passage, span: Span, marker: int, support: float) -> Citation:
    chunk = passage.chunk
    return Citation(
        marker,
        document_id=chunk.document_id,
        start=span.start,
        end=span.end,
        quote=span.shift(-chunk.span.start).of(chunk.text),
        chunk_id=chunk.id,
        support=max(0.0, min(1.0, support)),
        uri=chunk.uri,
        page=chunk.page_at(span.start),
        heading=chunk.heading,
    )
