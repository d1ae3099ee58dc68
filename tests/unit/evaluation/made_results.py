"""Results made by hand, as if a pipeline had been run."""

from __future__ import annotations

from collections.abc import Mapping

from ragkit.evaluation.dataset import Question
from ragkit.evaluation.outcome import Found, Outcome, Place, Reply, Timing
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.stats import mean_figure
from ragkit.types import Span

GRAPH = (("dense", "retrieve/dense"), ("fuse", "fuse/rrf"))


def result(
    values: Mapping[str, Mapping[str, float]],
    *,
    dataset: str = "handbook",
    pipeline: str = "default",
    failed: Mapping[str, str] | None = None,
    qrels: Mapping[str, Mapping[str, int]] | None = None,
    timings: Mapping[str, Timing] | None = None,
) -> Result:
    """A result with these values by measure, then question; each question found document `d1`."""
    failed = failed or {}
    ids = list(dict.fromkeys([*(id_ for found in values.values() for id_ in found), *failed]))
    place = Place("c1", "d1", spans=(Span(0, 4),), score=0.5)
    found = (Found("dense", "retrieve/dense", kind="arm", places=(place,), query="q"),)
    outcomes = {
        id_: Outcome(id_, error=failed[id_])
        if id_ in failed
        else Outcome(id_, found=found, reply=Reply(f"Answer to {id_}."))
        for id_ in ids
    }
    return Result(
        dataset,
        pipeline,
        figures={
            name: mean_figure(list(by_question.values()), failed=len(failed))
            for name, by_question in values.items()
            if by_question
        },
        values=values,
        blame={id_: "fuse" for id_ in ids if id_ not in failed and values and ids.index(id_) % 4 == 3},
        questions={id_: Question(id_, f"What is {id_}?", answers=("it",)) for id_ in ids},
        qrels=qrels if qrels is not None else {id_: {f"d-{id_}": 1} for id_ in ids},
        outcomes=outcomes,
        timings=timings or {},
        graph=GRAPH,
        unmeasured={name: "it says nothing" for name, by_question in values.items() if not by_question},
    )


def report(*results: Result, **more: object) -> Report:
    """A report of these results on one version of their datasets."""
    facts: dict[str, object] = {
        "ragkit": "1.0",
        "commit": "c0ffee",
        "seed": 0,
        "datasets": {
            one.dataset: {"checksum": "5" * 64, "split": "test", "questions": len(one.outcomes), "asked": "a"}
            for one in results
        },
    }
    return Report("nightly", results=results, comparisons={}, facts=facts, **more)  # type: ignore[arg-type]


__all__ = ["report", "result"]
