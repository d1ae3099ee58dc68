"""How much a sentence of a context matters for the question: what the extractive compressor sorts by.

    score = Σ weight · clue

Clues, for the sentence and, as `before`, for the sentence before it in its passage:

- `words`: the share of the question's words that it or the headings above it cover, weighted by rarity;
- `both`: the same of the sentence and the one before it together, for a pronoun stands for a word there;
- `topic`: the same of the sentence and the first one of its passage, which says what it is about;
- `number`: 1 where the question asks for a number and the sentence states one;
- `rank`: −ln(rank) of its passage. Retrieval read more than one sentence, and is mostly right;
- `cosine`, `cosine before`: of their embeddings with the question's, at least 0;
- `model`: a reranker's score, standardised over the context, so that any reranker's scale will do.

The weights were fitted so that sentences of the evidence come first (log of their share in a softmax over a
context), on 183 questions about every second article of SQuAD 2.0. `python evals/compression.py --fit` does
it on any number of these; other questions give other weights, by a third or a half for the weak clues, and
the same evidence kept to within .01. Russian and multi-hop questions, claims and other articles had no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.compress.selection import ContextSentence
from ragkit.errors import ModelError
from ragkit.protocols import Collection, Reranker
from ragkit.text.asking import asks_for_number
from ragkit.text.relevance import coverage, question_weights
from ragkit.types import Context

Scores = NDArray[np.float64]
Clues = Mapping[str, Scores]
ScoredBy = Literal["words", "embed", "rerank"]

WEIGHTS: Mapping[ScoredBy, Mapping[str, float]] = {
    "words": {"words": 3.5, "both": 3.7, "topic": 3.2, "number": 2.3, "rank": 1.4},
    "embed": {
        "words": 1.6,
        "both": 2.9,
        "topic": 4.0,
        "number": 2.1,
        "rank": 1.2,
        "cosine": 5.0,
        "cosine before": 2.0,
    },
    "rerank": {"words": 1.3, "both": 4.2, "number": 1.7, "rank": 1.1, "model": 1.2},
}
# Of more sentences those that score best by words are embedded: that is nearly all of the time it takes.
MOST_EMBEDDED = 32


def scored(
    context: Context,
    sentences: Sequence[ContextSentence],
    collection: Collection,
    *,
    by: ScoredBy = "words",
    model: Reranker | None = None,
) -> Scores:
    """A score for each sentence, shape `[n]`, higher is better, on a scale of this context alone.

    Args:
        context: whose question is asked.
        sentences: all of its sentences, in reading order; at least one.
        collection: analyses, weighs and embeds.
        by: which clues count.
        model: whose scores count with `by="rerank"`.

    Raises:
        ModelError: the reranker gave what is no number.
    """
    clues = dict(word_clues(context, sentences, collection))
    if by == "embed":
        likely = np.argsort(-_sum(clues, "words"), kind="stable")[:MOST_EMBEDDED]
        clues |= embedding_clues(context, sentences, collection, np.sort(likely))
    elif by == "rerank" and model is not None:
        clues["model"] = model_clue(context, sentences, model)
    return _sum(clues, by)


def word_clues(context: Context, sentences: Sequence[ContextSentence], collection: Collection) -> Clues:
    """The clues that take no model."""
    question = context.plan.understood
    weights = question_weights(context.plan, collection)
    headings = [frozenset(collection.terms(passage.chunk.heading)) for passage in context.passages]
    own = [s.read.terms for s in sentences]
    heads = [headings[s.passage] for s in sentences]
    before, first = list(own), list(own)
    for i, follows in enumerate(_follows(sentences).tolist()):
        if follows:
            before[i] = own[i - 1]
            first[i] = first[i - 1]

    def covered(*bodies: Sequence[frozenset[str]]) -> Scores:
        parts = zip(heads, *bodies, strict=True)
        return _array(coverage(weights, frozenset().union(*some), head) for head, *some in parts)

    asks = asks_for_number(question)
    ranks = _ranks(context)
    return {
        "words": covered(own),
        "both": covered(own, before),
        "topic": covered(own, first),
        "number": _array(float(asks and s.read.has_number) for s in sentences),
        "rank": _array(-np.log(ranks[s.passage]) for s in sentences),
    }


def embedding_clues(
    context: Context,
    sentences: Sequence[ContextSentence],
    collection: Collection,
    chosen: NDArray[np.intp],
) -> Clues:
    """Cosines of the sentences in these places, 0 for all others."""
    texts = [_under_heading(context, sentences[i]) for i in chosen.tolist()]
    cosines = np.zeros(len(sentences))
    asked = collection.embed([context.plan.understood], "query")[0]
    cosines[chosen] = np.maximum(collection.embed(texts, "passage") @ asked, 0.0)
    before = np.where(_follows(sentences), np.roll(cosines, 1), 0.0)
    return {"cosine": cosines, "cosine before": before}


def model_clue(context: Context, sentences: Sequence[ContextSentence], model: Reranker) -> Scores:
    """A reranker's scores of the sentences, standardised; all 0 where they are the same.

    Raises:
        ModelError: one is no number.
    """
    texts = [_under_heading(context, sentence) for sentence in sentences]
    scores = np.asarray(model.score(context.plan.understood, texts), dtype=np.float64)
    if len(scores) != len(texts) or not np.isfinite(scores).all():
        raise ModelError(
            f"reranker {model.name!r} gave {len(scores)} scores for {len(texts)} sentences, or one that is "
            "not a number. Check the model's files, or set `score: words` on this node"
        )
    deviation = float(scores.std())
    return np.zeros(len(scores)) if deviation < 1e-9 else (scores - scores.mean()) / deviation


def _sum(clues: Clues, by: ScoredBy) -> Scores:
    return np.asarray(
        sum(weight * clues[name] for name, weight in WEIGHTS[by].items() if name in clues), dtype=np.float64
    )


def _follows(sentences: Sequence[ContextSentence]) -> NDArray[np.bool_]:
    """Whether the sentence before is of the same passage."""
    passages = np.array([sentence.passage for sentence in sentences])
    return np.concatenate([[False], passages[1:] == passages[:-1]])


def _ranks(context: Context) -> list[int]:
    """The rank of each passage by its score, from 1: a stage may have put the best ones at both ends."""
    scores = [passage.hit.score for passage in context.passages]
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    ranks = [0] * len(scores)
    for rank, i in enumerate(order, start=1):
        ranks[i] = rank
    return ranks


def _under_heading(context: Context, sentence: ContextSentence) -> str:
    heading = context.passages[sentence.passage].chunk.heading
    return f"{heading}\n{sentence.read.text}" if heading else sentence.read.text


def _array(values: Iterable[float]) -> Scores:
    return np.fromiter(values, dtype=np.float64)
