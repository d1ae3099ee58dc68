"""A run from a system: every question of a dataset is asked, and the time each took is kept."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

from ragkit.app import RAG, Retriever
from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.rows import shortened
from ragkit.evaluation.run import Run, scores_of_order
from ragkit.types import Ranking

Found = Ranking | Iterable[str] | Mapping[str, float]
Search = Callable[[Question], Found]


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds per query: the median, the 95th percentile (linear between neighbours), how many were timed.

    >>> latency(Run("mine", scores={}, seconds={"q1": 0.1, "q2": 0.3})).p50_s
    0.2
    """

    p50_s: float = field(kw_only=True)
    p95_s: float = field(kw_only=True)
    n: int = field(kw_only=True)

    def __str__(self) -> str:
        return f"p50 {self.p50_s * 1e3:.1f} ms, p95 {self.p95_s * 1e3:.1f} ms, n={self.n:,}"


def retrieved(
    rag: RAG,
    questions: Iterable[Question],
    *,
    depth: int = 100,
    retriever: Retriever = "full",
    name: str | None = None,
) -> Run:
    """The run of a `RAG`, by documents.

    A document stands where the first of its passages stands, so what `depth` passages come from is often
    fewer documents: ask for more passages than the deepest cutoff of a measure. The order is the one a user
    sees; scores are made from it, for a stage such as MMR does not order by its scores. One question is
    asked before the clock runs, so that opening the index and loading models is not timed.

    Args:
        rag: it holds the corpus already.
        questions: such as `dataset.judged.values()`.
        depth: how many passages to ask for.
        retriever: as for `RAG.retrieve`.
        name: what to call the run; else the retriever.

    Raises:
        EvalError: there is no question, or every one failed.
    """
    questions = list(questions)
    search = _rag_search(rag, depth, retriever)
    if questions:
        # It fails again below, where it is counted.
        with contextlib.suppress(Exception):
            search(questions[0])
    return asked(search, questions, name=name or retriever)


def asked(search: Search, questions: Iterable[Question], *, name: str) -> Run:
    """The run of any function from a question to a ranking.

    Args:
        search: gives document ids, best first, or scores by document id, or a `Ranking`, of which a document
            stands where the first of its passages does. A question for which it raises is counted as
            failed, and the others go on. What gives ids one by one is timed to its last.
        questions: each is asked once, one after the other.
        name: what to call the run.

    Raises:
        EvalError: there is no question, every one failed, or `search` gives something else.

    >>> run = asked(lambda question: ["a", "b"], [Question("q1", "Which?")], name="mine")
    >>> run.ranked("q1")
    ['a', 'b']
    """
    scores: dict[str, dict[str, float]] = {}
    failed: dict[str, str] = {}
    degraded: dict[str, tuple[str, ...]] = {}
    seconds: dict[str, float] = {}
    last: Exception | None = None
    for question in questions:
        start = time.perf_counter()
        try:
            found = _at_once(search(question))
        except Exception as e:
            failed[question.id], last = f"{type(e).__name__}: {e}", e
            continue
        took = time.perf_counter() - start
        ranking = _scores(found, name)
        wrong = next((document for document, value in ranking.items() if not math.isfinite(value)), None)
        if wrong is not None:
            failed[question.id] = f"document {wrong!r} has the score {ranking[wrong]}"
            continue
        scores[question.id], seconds[question.id] = ranking, took
        if isinstance(found, Ranking) and found.degraded:
            degraded[question.id] = found.degraded
    if not scores:
        first = next(iter(failed.values()), "there was no question")
        raise EvalError(f"run {name!r}: {len(failed):,} questions failed, none went well: {first}") from last
    return Run(name, scores=scores, failed=failed, degraded=degraded, seconds=seconds)


def latency(run: Run) -> Latency:
    """How long the queries of a run took, those that failed left out.

    Raises:
        EvalError: none was timed, as in a run that was read from a file.
    """
    if not run.seconds:
        raise EvalError(f"run {run.name!r}: no query was timed")
    p50, p95 = np.percentile(list(run.seconds.values()), [50, 95])
    return Latency(p50_s=float(p50), p95_s=float(p95), n=len(run.seconds))


def _rag_search(rag: RAG, depth: int, retriever: Retriever) -> Search:
    return lambda question: rag.retrieve(question.text, k=depth, retriever=retriever)


def _at_once(found: Found) -> Found:
    """The same, of which nothing is left to be worked out: a generator searches only when it is read."""
    return list(found) if isinstance(found, Iterator) else found


def _scores(found: object, name: str) -> dict[str, float]:
    """Scores by document id.

    Raises:
        EvalError: what was found is none of the forms that a search may give.
    """
    if isinstance(found, Ranking):
        return scores_of_order(hit.chunk.document_id for hit in found.hits)
    if isinstance(found, Mapping):
        if all(isinstance(id_, str) and isinstance(value, Real) for id_, value in found.items()):
            return {id_: float(value) for id_, value in found.items()}
    elif isinstance(found, Iterable) and not isinstance(found, str | bytes):
        documents = list(found)
        if all(isinstance(document, str) for document in documents):
            return scores_of_order(documents)
    raise EvalError(
        f"run {name!r}: a search gave {shortened(found)}: expected document ids, best first, scores by "
        "document id, or a Ranking"
    )
