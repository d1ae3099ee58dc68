"""How much a trained model counts against the first stage: found on questions that it did not learn from.

The weights are those with the least listwise loss on a grid; the bias is such that the scores, taken as
probabilities, are right on average. Generated questions are of no use for this: in the collection that they
were cut from, the first stage finds their passages at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols import Reranker
from ragkit.rerank.blend import Blend, filled, standardised
from ragkit.rerank.known import known_passages, knows_language
from ragkit.text.language import detect_language
from ragkit.train.lessons import GIVEN, Lesson
from ragkit.train.mining import Retrieve, retrieved
from ragkit.types import Chunk

FEWEST = 20  # questions; fewer choose by chance
# The model counts a third of what the first stage does: what a general reranker got on 13 kinds of questions.
USUAL = Blend.weighing(3.0)
_OVERRULING = 100  # questions; on fewer, weights learnt with the model are the better guess
_MOST = 150  # questions: a minute on two cores
_MODEL = np.geomspace(0.01, 10.0, 16)
_FIRST = np.array([0.0, *np.geomspace(0.03, 10.0, 16)])

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The candidates of one question: scores before and by the model, and which of them answer it.

    Those that are not `weighed` tell how large scores are, and nothing of the weights.
    """

    first: Numbers
    model: Numbers
    relevant: NDArray[np.bool_]
    weighed: NDArray[np.bool_] | None = None


def weighed(
    lessons: Sequence[Lesson],
    retrieve: Retrieve,
    reranker: Reranker,
    *,
    usual: Blend = USUAL,
    learnt: tuple[float, float] | None = None,
    avoid: Callable[[Chunk], bool] = lambda _: False,
    on_each: Callable[[], None] = lambda: None,
) -> Blend:
    """The weights for `reranker`, found on the given `lessons`.

    Args:
        lessons: held out.
        retrieve: the first stage.
        reranker: to be weighed against it.
        usual: what is taken where too few of the lessons tell anything.
        learnt: weights of the model and of the first stage that were learnt with the model: where the lessons
            are no more than some dozens, only what makes probabilities of them is found here.
        avoid: whether a passage measures the result: then it has no part in the weights.
        on_each: called after each.
    """
    judged = []
    for lesson in [lesson for lesson in lessons if lesson.kind == GIVEN][:_MOST]:
        on_each()
        if not knows_language(reranker, detect_language(lesson.question)):
            continue  # `rerank/model` leaves their order as it is
        hits = retrieved(lesson, retrieve)
        relevant = np.array([lesson.unit(hit.chunk) in lesson.judgements for hit in hits], dtype=np.bool_)
        counted = relevant | np.array([not avoid(hit.chunk) for hit in hits], dtype=np.bool_)
        if relevant.any() and not relevant[counted].all():
            scores = reranker.score(lesson.question, [hit.chunk.search_text for hit in hits])
            first = np.array([hit.score for hit in hits], dtype=np.float64)
            known = np.where(known_passages(reranker, hits), scores.astype(np.float64), np.nan)
            judged.append(Judged(first, filled(known), relevant, counted))
    if len(judged) < FEWEST:
        return usual
    return fitted(judged, learnt if len(judged) < _OVERRULING else None)


def fitted(judged: Sequence[Judged], weights: tuple[float, float] | None = None) -> Blend:
    """The weights with the least loss over `judged`, at least one question; or those given, with their bias.

    >>> seen = Judged(np.array([2.0, 1.0]), np.array([-3.0, 3.0]), np.array([False, True]))
    >>> blend = fitted([seen])
    >>> blend.model > blend.first
    True
    """
    first = [standardised(one.first) for one in judged]
    m, f = weights or _least(judged, first)
    logits = np.concatenate([m * one.model + f * before for one, before in zip(judged, first, strict=True)])
    share = float(np.concatenate([one.relevant for one in judged]).mean())
    highest = max(float(one.model.max()) for one in judged)
    return Blend(model=m, first=f, long=0.0, bias=_bias(logits, share), highest=highest)


def _least(judged: Sequence[Judged], first: Sequence[Numbers]) -> tuple[float, float]:
    """The pair of the grid with the least loss."""
    weighed = [np.ones(len(one.relevant), np.bool_) if one.weighed is None else one.weighed for one in judged]
    losses = {
        (m, f): sum(
            _loss((m * one.model + f * before)[counted], one.relevant[counted])
            for one, before, counted in zip(judged, first, weighed, strict=True)
        )
        for m in _MODEL.tolist()
        for f in _FIRST.tolist()
    }
    return min(losses, key=lambda pair: losses[pair])


def _loss(logits: Numbers, relevant: NDArray[np.bool_]) -> float:
    """Cross-entropy of the relevant candidates among all of a list."""
    shifted = logits - logits.max()
    return float(np.log(np.exp(shifted).sum()) - shifted[relevant].mean())


def _bias(logits: Numbers, share: float) -> float:
    """What makes the mean probability `share`, by halving an interval."""
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = float((1.0 / (1.0 + np.exp(-np.clip(logits + middle, -60.0, 60.0)))).mean())
        low, high = (middle, high) if mean < share else (low, middle)
    return (low + high) / 2
