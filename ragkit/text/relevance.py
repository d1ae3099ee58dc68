"""How well a sentence answers a question, judged without a language model.

Two signals, both in [0, 1]: the share of the question's words that the sentence covers, weighted by their
rarity in the collection, and the cosine similarity of their embeddings where the embedder knows the
language. The words of the headings above a sentence count half: under "Warranty", "It lasts two years."
speaks of the warranty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols import TextKind, Vectors
from ragkit.text.asking import asks_for_number, content_of
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.text.reading import Terms
from ragkit.types import ReadSentence

Embed = Callable[[Sequence[str], TextKind], Vectors]
Weigh = Callable[[Sequence[str]], dict[str, float]]
Scores = NDArray[np.float32]

HEADING_SHARE = 0.5
# A question that names version 3.1 is not answered by a sentence about 3.0 that says all the rest.
DIGIT_WEIGHT = 2.0
# What is left of a sentence's score when the question asks for a number and the sentence states none.
NUMBERLESS_SHARE = 0.8
# Weight of the passage's own score: retrieval has read more of it than the one sentence.
PASSAGE_SHARE = 0.2
# What is left where the sentence is in another language than the question: the asker reads the question's.
OTHER_LANGUAGE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence to be judged, the headings it stands under, its language, its passage's score in [0, 1]."""

    sentence: ReadSentence
    heading: str = ""
    lang: str = UNDETERMINED
    prior: float = 0.0


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges candidates against a question.

    Args:
        terms: gives the analysed words of a text, as the collection indexes them.
        weigh: gives each term's weight by its rarity in the collection. Among the candidates it would
            be of no use: they were found by the rarest word, so that there it is the commonest.
        embed: gives unit vectors of texts; None leaves the judgement to the words alone.
        dense_share: weight of the embedding's judgement, 0 to 1.
        max_embedded: of more candidates than this, only those that share the most words or stand in the
            best passages are embedded; for the others the embedding's part is 0. Embedding is nearly all
            of the time that an offline answer takes.
    """

    terms: Terms
    weigh: Weigh = field(kw_only=True)
    embed: Embed | None = field(default=None, kw_only=True)
    dense_share: float = field(default=0.5, kw_only=True)
    max_embedded: int = field(default=32, kw_only=True)

    def __call__(self, question: str, candidates: Sequence[Candidate]) -> Scores:
        """One score in [0, 1] for each candidate, in their order; shape `[n]`."""
        asked = set(self.terms(content_of(question)))
        headings = {heading: frozenset(self.terms(heading)) for heading in {c.heading for c in candidates}}
        weights = emphasised(self.weigh(sorted(asked)))
        lexical = np.array(
            [coverage(weights, c.sentence.terms, headings[c.heading]) for c in candidates], dtype=np.float32
        )
        score = lexical
        if self.embed is not None and candidates:
            dense = self._dense(self.embed, question, candidates, lexical)
            score = self.dense_share * dense + (1.0 - self.dense_share) * lexical
        language = detect_language(question)
        foreign = np.array([c.lang not in {language, UNDETERMINED} for c in candidates], dtype=bool)
        if language != UNDETERMINED:
            score = np.where(foreign, np.float32(OTHER_LANGUAGE_SHARE) * score, score)
        if asks_for_number(question):
            numbered = np.array([c.sentence.has_number for c in candidates], dtype=bool)
            score = np.where(numbered, score, np.float32(NUMBERLESS_SHARE) * score)
        prior = np.clip(np.array([c.prior for c in candidates], dtype=np.float32), 0.0, 1.0)
        return ((1.0 - PASSAGE_SHARE) * score + PASSAGE_SHARE * prior).astype(np.float32)

    def _dense(self, embed: Embed, question: str, candidates: Sequence[Candidate], lexical: Scores) -> Scores:
        promise = lexical + np.array([c.prior for c in candidates], dtype=np.float32)
        chosen = np.argsort(-promise, kind="stable")[: self.max_embedded]
        texts = [
            f"{c.heading}\n{c.sentence.text}" if c.heading else c.sentence.text
            for c in (candidates[i] for i in chosen.tolist())
        ]
        dense = np.zeros(len(candidates), dtype=np.float32)
        dense[chosen] = embed(texts, "passage") @ embed([question], "query")[0]
        return np.clip(dense, 0.0, 1.0)


def coverage(weights: dict[str, float], body: frozenset[str], heading: frozenset[str]) -> float:
    """The weighted share of the asked terms found in `body` (whole) or else in `heading` (half).

    >>> coverage({"warranti": 3.0, "scanner": 1.0}, frozenset({"scanner"}), frozenset({"warranti"}))
    0.625
    """
    total = sum(weights.values())
    if not total:
        return 0.0
    found = sum(
        weight * (1.0 if term in body else HEADING_SHARE)
        for term, weight in weights.items()
        if term in body or term in heading
    )
    return found / total


def emphasised(weights: dict[str, float]) -> dict[str, float]:
    """The weights with those of terms that hold a digit doubled."""
    return {
        term: weight * (DIGIT_WEIGHT if any(c.isdigit() for c in term) else 1.0)
        for term, weight in weights.items()
    }
