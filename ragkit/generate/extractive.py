"""`generate/extractive`: an answer made of the documents' own sentences, without a language model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.language import detect_language
from ragkit.text.relevance import Candidate, Scores, judged, kept_sentences
from ragkit.text.spans import contains
from ragkit.text.wording import abstention, why_nothing
from ragkit.types import AbstainReason, Answer, Citation, Context, Passage, ReadSentence, Sentence, Span

_LIST_MARKER = re.compile(r"^\s*(?:[-*•–]|\d{1,3}[.)])\s+")
# A footnote of the document would pass for a marker of ours, which points to another source.
_FOOTNOTE = re.compile(r"\[(\d{1,3})\]")
_LEANS_BACK = re.compile(
    r"^(?:it|they|this|these|that|those|he|she|он|она|оно|они|это|эти|этот|эта|там|тогда)\b", re.IGNORECASE
)
_LETTER_SHARE = 0.72
_CODE = re.compile(
    r"(?:from \S+ import |import \S+$|(?:async )?def \w+\(|class \w+[:(]|await |return |[@$>#]\s?\w"
    r"|pip install |[\w.]+ = )"
)
_MIN_WORDS = 3
# Of a further sentence's words, the share that the answer must not have said yet.
NEW_WORDS_SHARE = 0.4
_MAX_ITEMS = 8
_MAX_ANNOUNCED_CHARS = 600


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence that may be quoted: its passage (position in the context), its place and its text there.

    The place may reach further than the sentence: over the list or the code that its colon announces.
    """

    passage: int
    sentence: ReadSentence
    span: Span
    text: str


@stage("generate/extractive")
class ExtractiveGenerate(Stage[Context, Answer]):
    """Selects the sentences that answer the question and puts them in reading order, each one cited.

    It never words anything itself, so it cannot invent; it also cannot combine or conclude. When no
    sentence bears on the question well enough it abstains with reason `no_evidence`.

    >>> ExtractiveGenerate(max_sentences=2).config.max_sentences
    2
    """

    class Config(Settings):
        max_sentences: int = Field(3, ge=1, le=20, description="Sentences in an answer.")
        min_support: float = Field(
            0.44, ge=0.0, le=1.0, description="Relevance the best sentence needs, or the answer abstains."
        )
        keep_ratio: float = Field(
            0.85, ge=0.0, le=1.0, description="Relevance of a further sentence, as a share of the best one's."
        )
        dense_share: float = Field(
            0.5, ge=0.0, le=1.0, description="Weight of embedding similarity against shared words."
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, context: Context, ctx: RunContext) -> Answer:
        pieces = self._pieces(context)
        if not pieces:
            return self._abstain(context, why_nothing(context.plan))
        scores = judged(
            context.plan,
            [Candidate(piece.sentence, context.passages[piece.passage]) for piece in pieces],
            self.collection,
            dense_share=self.config.dense_share,
        )
        support = float(np.max(scores))
        ctx.note(support=round(support, 4), n_sentences=len(pieces))
        if support < self.config.min_support:
            return self._abstain(context, "no_evidence")
        chosen = self._choose(scores, pieces)
        return _compose(context, [pieces[i] for i in chosen], scores[chosen])

    def _pieces(self, context: Context) -> list[_Piece]:
        """The quotable sentences of all passages: no headings, no code, no crumbs."""
        found: list[_Piece] = []
        for n, passage in enumerate(context.passages):
            headings = set(passage.chunk.headings)
            sentences = kept_sentences(passage, self.collection)
            for i, sentence in enumerate(sentences):
                if sentence.text not in headings and _is_prose(sentence):
                    span = Span(sentence.span.start, _announced(sentences, i, passage.keep))
                    text = span.shift(-passage.chunk.span.start).of(passage.chunk.text)
                    found.append(_Piece(n, sentence, span, text))
        return found

    def _choose(self, scores: Scores, pieces: Sequence[_Piece]) -> list[int]:
        """Positions of the sentences to quote: by relevance, each adding words of its own, then in order."""
        order = np.argsort(-scores, kind="stable")
        floor = scores[order[0]] * self.config.keep_ratio
        chosen: list[int] = []
        said: set[str] = set()
        for i in order.tolist():
            if len(chosen) >= self.config.max_sentences or scores[i] < floor:
                break
            terms = pieces[i].sentence.terms
            if chosen and len(terms - said) < NEW_WORDS_SHARE * len(terms):
                continue
            chosen.append(i)
            said |= terms
        lead = chosen[0]
        if len(chosen) < self.config.max_sentences and _leans_on_previous(pieces, lead):
            chosen.append(lead - 1)
        first = {pieces[i].passage: n for n, i in reversed(list(enumerate(chosen)))}
        return sorted(dict.fromkeys(chosen), key=lambda i: (first[pieces[i].passage], pieces[i].span.start))

    def _abstain(self, context: Context, reason: AbstainReason) -> Answer:
        language = detect_language(context.plan.question)
        return Answer(
            context.plan,
            text=abstention(reason, language),
            context=context,
            abstained=True,
            reason=reason,
            generator=self.use,
        )


def _leans_on_previous(pieces: Sequence[_Piece], i: int) -> bool:
    return i > 0 and pieces[i - 1].passage == pieces[i].passage and bool(_LEANS_BACK.match(pieces[i].text))


def _announced(sentences: Sequence[ReadSentence], i: int, keep: Sequence[Span]) -> int:
    """Where the sentence `i` ends, with the list items or the one block of code that its colon announces.

    It ends before anything that `keep` leaves out.
    """
    end = sentences[i].span.end
    if not sentences[i].text.endswith(":"):
        return end
    for n, following in enumerate(sentences[i + 1 : i + 1 + _MAX_ITEMS]):
        is_item = bool(_LIST_MARKER.match(following.text))
        whole = Span(sentences[i].span.start, following.span.end)
        if len(whole) > _MAX_ANNOUNCED_CHARS or not (is_item or n == 0):
            break
        if not any(contains(kept, whole) for kept in keep):
            break
        end = following.span.end
        if not is_item:
            break
    return end


def _is_prose(sentence: ReadSentence) -> bool:
    text = sentence.text
    if _CODE.match(text):
        return False
    if " | " in text and ": " not in text:
        return False  # the header row of a table: names without values
    # Chinese, Japanese and Thai write without blanks, some six characters where others have three words.
    long_enough = len(text.split()) >= _MIN_WORDS or (len(text) >= 2 * _MIN_WORDS and not text.isascii())
    return long_enough and sentence.letter_share >= _LETTER_SHARE


def _compose(context: Context, pieces: Sequence[_Piece], scores: Scores) -> Answer:
    markers = {n: i for i, n in enumerate(dict.fromkeys(piece.passage for piece in pieces), start=1)}
    sentences = tuple(
        Sentence(
            _readable(piece.text),
            citations=(
                _cite(context.passages[piece.passage], piece.span, markers[piece.passage], float(score)),
            ),
        )
        for piece, score in zip(pieces, scores, strict=True)
    )
    text = " ".join(sentence.marked for sentence in sentences)
    return Answer(
        context.plan, text=text, sentences=sentences, context=context, generator=ExtractiveGenerate.use
    )


def _readable(text: str) -> str:
    return " ".join(_FOOTNOTE.sub(r"(\1)", _LIST_MARKER.sub("", text)).split())


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
        page=chunk.page,
        heading=chunk.heading,
    )
