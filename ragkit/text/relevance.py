"""How well a sentence answers a question, judged without a language model.

Two signals, both in [0, 1]: the share of the question's words that the sentence covers, weighted by their
rarity among the candidates, and the cosine similarity of their embeddings where the embedder knows the
language. The words of the headings above a sentence count half: under "Warranty", "It lasts two years."
speaks of the warranty.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols import Embedder
from ragkit.text.analyze import Analyzer

HEADING_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence to be judged, and the headings it stands under."""

    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Relevance:
    """Judgements of `n` candidates.

    `lexical` and `dense` have shape `[n]`; `dense` is None where no embedder knows the language. `score`
    combines them. `terms` are the analysed words of each candidate.
    """

    score: NDArray[np.float32]
    lexical: NDArray[np.float32]
    dense: NDArray[np.float32] | None
    terms: tuple[frozenset[str], ...] = field(repr=False)


def relevance(
    question: str,
    candidates: Sequence[Candidate],
    *,
    analyzer: Analyzer,
    embedder: Embedder | None = None,
    dense_share: float = 0.5,
) -> Relevance:
    """Judges each candidate against the question.

    Args:
        question: as asked.
        candidates: sentences of the retrieved passages.
        analyzer: the collection's, so that both sides are stemmed alike.
        embedder: None leaves the judgement to the words alone.
        dense_share: weight of the embedding's judgement in `score`, 0 to 1.
    """
    asked = Counter(analyzer.terms(question))
    terms = tuple(frozenset(analyzer.terms(c.text)) for c in candidates)
    headings = {c.heading: frozenset(analyzer.terms(c.heading)) for c in candidates}
    lexical = np.array(
        [
            coverage(asked, body, headings[c.heading], weights)
            for weights in (_rarity(asked, terms),)
            for c, body in zip(candidates, terms, strict=True)
        ],
        dtype=np.float32,
    )
    if embedder is None or not candidates:
        return Relevance(lexical, lexical, None, terms)
    texts = [f"{c.heading}\n{c.text}" if c.heading else c.text for c in candidates]
    dense = np.clip(embedder.embed(texts, "passage") @ embedder.embed([question], "query")[0], 0.0, 1.0)
    return Relevance(dense_share * dense + (1.0 - dense_share) * lexical, lexical, dense, terms)


def coverage(
    asked: Counter[str], body: frozenset[str], heading: frozenset[str], weights: dict[str, float]
) -> float:
    """The weighted share of the asked terms found in `body` (whole) or else in `heading` (half)."""
    total = sum(weights[term] for term in asked)
    if not total:
        return 0.0
    found = sum(
        weights[term] * (1.0 if term in body else HEADING_SHARE)
        for term in asked
        if term in body or term in heading
    )
    return found / total


def _rarity(asked: Counter[str], bodies: Sequence[frozenset[str]]) -> dict[str, float]:
    """Weights of the asked terms by Lucene's idf over the candidates, so that common words count little."""
    n = len(bodies)
    frequency = Counter(term for body in bodies for term in body if term in asked)
    return {term: math.log(1.0 + (n - frequency[term] + 0.5) / (frequency[term] + 0.5)) for term in asked}
