"""The gain on questions held out of training: the first stage alone against the order that rerankers make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragkit.errors import RagkitError
from ragkit.evaluation.compare import Comparison, compare
from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import Scores, score
from ragkit.protocols import BlendingReranker, Reranker
from ragkit.rerank.blend import Blend
from ragkit.rerank.known import known_passages, knows_language
from ragkit.text.language import detect_language
from ragkit.train.lessons import Lesson
from ragkit.train.mining import Retrieve, retrieved
from ragkit.types import Chunk, Hit

METRICS = ("nDCG@10", "RR@10", "R@10")
FIRST_STAGE = "first stage"


@dataclass(frozen=True, slots=True)
class Gain:
    """What a reranker changes.

    Args:
        title: which questions, and of what they were asked.
        comparison: of all systems with the first stage.
        over_start: of the last reranker with the one before it, which it was trained from; None: from none.
        by_kind: for each kind of question its number, and the mean nDCG@10 of each system.
        n_asked: how many questions there were.
        in_reach: the share of the questions asked whose answer is among the candidates: no order finds the
            others.
        failed: questions that could not be asked, with the reason.
    """

    title: str
    comparison: Comparison = field(kw_only=True)
    over_start: Comparison | None = field(default=None, kw_only=True)
    by_kind: Mapping[str, tuple[int, Mapping[str, float]]] = field(kw_only=True)
    n_asked: int = field(kw_only=True)
    in_reach: float = field(kw_only=True)
    failed: Mapping[str, str] = field(kw_only=True)


def measured(
    title: str,
    lessons: Sequence[Lesson],
    retrieve: Retrieve,
    rerankers: Mapping[str, Reranker],
    *,
    clusters: Mapping[str, str],
    seed: int,
    on_each: Callable[[], None] = lambda: None,
) -> Gain:
    """Asks every lesson and ranks what the first stage finds by each reranker.

    Args:
        title: of the result.
        lessons: held out, at least one.
        retrieve: the first stage; its candidates are what is ranked.
        rerankers: by the name that they are to have in the result; the trained one last, and before it the
            one that it was trained from, if that was one.
        clusters: by lesson id: lessons about the same documents are drawn together when intervals are made.
        seed: of the intervals and tests.
        on_each: called after each lesson.

    Raises:
        EvalError: every question failed.
    """
    orders: dict[str, dict[str, list[str]]] = {name: {} for name in (FIRST_STAGE, *rerankers)}
    failed: dict[str, str] = {}
    in_reach = 0
    for lesson in lessons:
        try:
            found = retrieved(lesson, retrieve)
            ranked = {FIRST_STAGE: [hit.chunk for hit in found]} | {
                name: _reranked(lesson, found, reranker) for name, reranker in rerankers.items()
            }
        except RagkitError as error:
            failed[lesson.id] = f"{type(error).__name__}: {error}"
        else:
            in_reach += any(lesson.unit(hit.chunk) in lesson.judgements for hit in found)
            for name, chunks in ranked.items():
                orders[name][lesson.id] = [lesson.unit(chunk) for chunk in chunks]
        on_each()
    qrels = {lesson.id: lesson.judgements for lesson in lessons}
    scores = [
        score(Run.of_orders(name, made, failed=failed), qrels, METRICS) for name, made in orders.items()
    ]
    start = scores[-2:] if len(scores) > 2 else None
    return Gain(
        title,
        comparison=compare(scores, baseline=FIRST_STAGE, clusters=dict(clusters), seed=seed),
        over_start=None if start is None else compare(start, clusters=dict(clusters), seed=seed),
        by_kind=_by_kind(lessons, scores),
        n_asked=len(lessons),
        in_reach=in_reach / max(1, len(lessons) - len(failed)),
        failed=failed,
    )


def _reranked(lesson: Lesson, found: Sequence[Hit], reranker: Reranker) -> list[Chunk]:
    """The order that `rerank/model` makes: blended where the model brings weights, ties by chunk id."""
    if not knows_language(reranker, detect_language(lesson.question)):
        return [hit.chunk for hit in found]
    scores = np.asarray(
        reranker.score(lesson.question, [hit.chunk.search_text for hit in found]), dtype=np.float64
    )
    if isinstance(reranker, BlendingReranker) and reranker.blend is not None:
        before = np.array([hit.score for hit in found], dtype=np.float64)
        blend = Blend.given(reranker.name, reranker.blend)
        scores = np.where(known_passages(reranker, found), scores, np.nan)
        scores = blend.of(before, scores, n_words=len(lesson.question.split()))
    chunks = [hit.chunk for hit in found]
    return [chunks[i] for i in sorted(range(len(chunks)), key=lambda i: (-scores[i], chunks[i].id))]


def _by_kind(lessons: Sequence[Lesson], scores: Sequence[Scores]) -> dict[str, tuple[int, dict[str, float]]]:
    kinds: dict[str, list[str]] = {}
    for lesson in lessons:
        if lesson.id in scores[0].of(METRICS[0]):
            kinds.setdefault(lesson.kind, []).append(lesson.id)
    return {
        kind: (
            len(ids),
            {one.name: float(np.mean([one.of(METRICS[0])[id_] for id_ in ids])) for one in scores},
        )
        for kind, ids in sorted(kinds.items())
    }
