"""How well a sentence answers a question, judged without a language model.

Two signals, both in [0, 1]: the share of the question's words that the sentence covers, weighted by their
rarity in the collection, and the cosine similarity of their embeddings where the embedder knows the
language. The words of the headings above a sentence count half: under "Warranty", "It lasts two years."
speaks of the warranty.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols import Collection
from ragkit.text.asking import asks_for_number, content_of
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.text.spans import contains
from ragkit.types import Passage, QueryPlan, ReadSentence

Scores = NDArray[np.float32]

HEADING_SHARE = 0.5
# A question that names version 3.1 is not answered by a sentence about 3.0 that says all the rest.
DIGIT_WEIGHT = 2.0
# What is left of a sentence's score when the question asks for a number and the sentence states none.
NUMBERLESS_SHARE = 0.8
# Weight of the passage's own score: retrieval has read more of it than the one sentence.
PASSAGE_SHARE = 0.2
# Weight of a word that the question leaves to the turns before it, against one that it says itself.
CARRIED_SHARE = 0.5
# What is left where the sentence is in another language than the question: the asker reads the question's.
OTHER_LANGUAGE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence to be judged, and the passage it stands in, whose headings, language and score count too."""

    sentence: ReadSentence
    passage: Passage

    @property
    def heading(self) -> str:
        """The headings it stands under, as one line."""
        return self.passage.chunk.heading


def kept_sentences(passage: Passage, collection: Collection) -> list[ReadSentence]:
    """The sentences of a passage that lie wholly in what is kept of it, in reading order."""
    starts = [keep.start for keep in passage.keep]
    kept = []
    for sentence in collection.sentences(passage.chunk):
        at = bisect_right(starts, sentence.span.start) - 1
        if at >= 0 and contains(passage.keep[at], sentence.span):
            kept.append(sentence)
    return kept


@dataclass(frozen=True, slots=True)
class Relevance:
    """How well sentences answer a question, in the order in which they were given.

    Args:
        scores: in [0, 1], shape `[n]`.
        cosines: of their embeddings with the question's, 0 for those that were not embedded, shape `[n]`;
            None where the embedder does not know the question's language, or was not asked.
        weights: of the question's words, by their rarity.
        headings: the words of each heading path.
    """

    scores: Scores
    cosines: Scores | None = field(kw_only=True)
    weights: Mapping[str, float] = field(kw_only=True)
    headings: Mapping[str, frozenset[str]] = field(kw_only=True)


def judged(
    plan: QueryPlan,
    candidates: Sequence[Candidate],
    collection: Collection,
    *,
    dense_share: float = 0.5,
    max_embedded: int = 32,
) -> Scores:
    """The scores of `relevance` alone; shape `[n]`, float32."""
    return relevance(plan, candidates, collection, dense_share=dense_share, max_embedded=max_embedded).scores


def relevance(
    plan: QueryPlan,
    candidates: Sequence[Candidate],
    collection: Collection,
    *,
    dense_share: float = 0.5,
    max_embedded: int = 32,
) -> Relevance:
    """One score in [0, 1] for each candidate, and what it is made of.

    Args:
        plan: whose question is asked; words weigh by their rarity among the chunks it may see. Among the
            candidates rarity would be of no use: they were found by the rarest word, so that there it is
            the commonest.
        candidates: at least one.
        collection: analyses, embeds and weighs.
        dense_share: weight of the embedding's judgement, 0 to 1.
        max_embedded: of more candidates than this, only those that share the most words or stand in the
            best passages are embedded; for the others the embedding's part is 0. Embedding is nearly all
            of the time that an offline answer takes.
    """
    question = plan.understood
    weights = question_weights(plan, collection)
    headings = {h: frozenset(collection.terms(h)) for h in {c.heading for c in candidates}}
    prior = np.clip(priors(candidates), 0.0, 1.0).astype(np.float32)
    score = np.array(
        [coverage(weights, c.sentence.terms, headings[c.heading]) for c in candidates], dtype=np.float32
    )
    dense: Scores | None = None
    if dense_share > 0 and collection.knows(question):
        chosen = np.argsort(-(score + prior), kind="stable")[:max_embedded]
        dense = np.zeros_like(score)
        dense[chosen] = _similarities(question, [candidates[i] for i in chosen.tolist()], collection)
        score = dense_share * dense + (1.0 - dense_share) * score
    language = detect_language(plan.question)
    if language != UNDETERMINED:
        foreign = np.array([c.passage.chunk.lang not in {language, UNDETERMINED} for c in candidates])
        score = np.where(foreign, OTHER_LANGUAGE_SHARE * score, score)
    if asks_for_number(question):
        numbered = np.array([c.sentence.has_number for c in candidates])
        score = np.where(numbered, score, NUMBERLESS_SHARE * score)
    scores = ((1.0 - PASSAGE_SHARE) * score + PASSAGE_SHARE * prior).astype(np.float32)
    return Relevance(scores, cosines=dense, weights=weights, headings=headings)


def question_weights(plan: QueryPlan, collection: Collection) -> dict[str, float]:
    """What each word of a question counts: its rarity, more for a number, less where turns before said it."""
    question = plan.understood
    asked = sorted(set(collection.terms(content_of(question))))
    weights = emphasised(collection.term_weights(asked, plan))
    if question == plan.question:
        return weights
    said = set(collection.terms(plan.question))
    return {t: weight * (1.0 if t in said else CARRIED_SHARE) for t, weight in weights.items()}


def priors(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """What retrieval says of each candidate's passage, on the scale of what found it, shape `[n]`.

    A reranker sets the order, and its scores mean what it means by them: the passage that it puts first is
    given the best of the scores before, the second the next, so that all that was calibrated on these holds.
    """
    hits = {c.passage.chunk.id: c.passage.hit for c in candidates}
    order = sorted(hits, key=lambda identity: (-hits[identity].score, identity))
    before = sorted((hits[i].scores.get("before_rerank", hits[i].score) for i in order), reverse=True)
    of = dict(zip(order, before, strict=True))
    return np.array([of[c.passage.chunk.id] for c in candidates], dtype=np.float64)


def _similarities(question: str, candidates: Sequence[Candidate], collection: Collection) -> Scores:
    texts = [f"{c.heading}\n{c.sentence.text}" if c.heading else c.sentence.text for c in candidates]
    cosines: Scores = collection.embed(texts, "passage") @ collection.embed([question], "query")[0]
    return np.clip(cosines, np.float32(0.0), np.float32(1.0))


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
