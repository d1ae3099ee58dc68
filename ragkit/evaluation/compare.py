"""Systems side by side on the same queries: paired differences, corrected for there being several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.clusters import clusters as clusters_by_document
from ragkit.evaluation.clusters import shared
from ragkit.evaluation.comparison import Comparison, Contrast
from ragkit.evaluation.report import Result
from ragkit.evaluation.scores import Scores
from ragkit.evaluation.significance import holm
from ragkit.evaluation.stats import Difference, paired

__all__ = ["Comparison", "Contrast", "compare", "compare_results"]


def compare(
    systems: Sequence[Scores],
    *,
    baseline: str | None = None,
    clusters: Mapping[str, str] | None = None,
    source: str = "",
    seed: int = 0,
) -> Comparison:
    """Compares each system with the baseline, query by query, in every measure.

    A query that failed in a system is left out of that system's figure and of its differences, and counted.

    Args:
        systems: two or more, scored with the same judgements and measures.
        baseline: the name of one of them; else the first.
        clusters: by query id, the cluster of queries that belong together, see `stats.mean_figure`.
        source: what was measured on, to be printed.
        seed: of resampling and tests.

    Raises:
        EvalError: fewer than two systems, a name is there twice or unknown, measures or queries differ, or
            a pair has no query that both were scored on.
    """
    base = _base(systems, baseline)
    for scores in systems:
        _check_alike(base, scores)
    return _compared(systems, base=base, clusters=clusters, source=source, seed=seed)


def compare_results(
    results: Sequence[Result], *, baseline: str | None = None, source: str = "", seed: int = 0
) -> Comparison | None:
    """Compares pipelines on one dataset by all that they were both measured by; None where that is nothing.

    A measure that says nothing about a question, such as the precision of citations where none was given,
    has no difference there: each contrast is over the questions that have a value in both.

    Args:
        results: two or more pipelines on the same questions.
        baseline: the name of one of them; else the first.
        source, seed: as for `compare`.

    Raises:
        EvalError: as for `compare`.
    """
    systems = [Scores(result.pipeline, values=_measured(result), failed=result.failed) for result in results]
    base = _base(systems, baseline)
    first, *others = results
    for result in others:
        _check_same(set(first.outcomes), set(result.outcomes), first.pipeline, result.pipeline)
    found = shared(clusters_by_document(first.qrels, first.outcomes))
    pairs = ((scores, metric) for scores in systems if scores is not base for metric in scores.values)
    if not any(_both(base, scores, metric) for scores, metric in pairs):
        return None
    return _compared(systems, base=base, clusters=found, source=source, seed=seed)


def _measured(result: Result) -> dict[str, Mapping[str, float]]:
    return {name: values for name, values in result.values.items() if values}


def _base(systems: Sequence[Scores], baseline: str | None) -> Scores:
    by_name = {scores.name: scores for scores in systems}
    if len(by_name) != len(systems) or len(systems) < 2:
        names = ", ".join(scores.name for scores in systems)
        raise EvalError(f"systems {names}: expected two or more, each with a name of its own")
    base = systems[0] if baseline is None else by_name.get(baseline)
    if base is None:
        raise EvalError(
            f"baseline {baseline!r}: expected one of {', '.join(by_name)}."
            f"{did_you_mean(str(baseline), by_name)}"
        )
    return base


def _compared(
    systems: Sequence[Scores],
    *,
    base: Scores,
    clusters: Mapping[str, str] | None,
    source: str,
    seed: int,
) -> Comparison:
    metrics = list(dict.fromkeys(metric for scores in systems for metric in scores.metrics))
    found = [
        (metric, scores.name, _difference(base, scores, metric, clusters, seed))
        for metric in metrics
        for scores in systems
        if scores is not base and _both(base, scores, metric)
    ]
    corrected = holm([difference.p for _, _, difference in found])
    return Comparison(
        tuple(scores.name for scores in systems),
        baseline=base.name,
        figures={
            metric: {
                scores.name: scores.figure(metric, clusters=clusters, seed=seed)
                for scores in systems
                if scores.values.get(metric)
            }
            for metric in metrics
        },
        contrasts=tuple(
            Contrast(metric, system=system, baseline=base.name, difference=difference, p_holm=p)
            for (metric, system, difference), p in zip(found, corrected, strict=True)
        ),
        source=source,
        seed=seed,
    )


def _check_alike(base: Scores, scores: Scores) -> None:
    if scores.metrics != base.metrics:
        raise EvalError(
            f"{base.name} has the measures {', '.join(base.metrics)}, {scores.name} has "
            f"{', '.join(scores.metrics)}: score both with the same ones, in the same order"
        )
    _check_same(_queries(base), _queries(scores), base.name, scores.name)
    if not _both(base, scores, base.metrics[0]):
        raise EvalError(f"{base.name} and {scores.name}: on every query one of them failed")


def _check_same(one: Set[str], other: Set[str], one_name: str, other_name: str) -> None:
    apart = one ^ other
    if apart:
        raise EvalError(
            f"{one_name} and {other_name} were not scored on the same queries: {len(apart):,} are in one "
            f"alone, such as {min(apart)!r}. Score both with the same judgements"
        )


def _queries(scores: Scores) -> set[str]:
    return {*scores.of(scores.metrics[0]), *scores.failed}


def _both(base: Scores, scores: Scores, metric: str) -> list[str]:
    """The queries that have a value in both."""
    before, after = base.values.get(metric, {}), scores.values.get(metric, {})
    return [query for query in before if query in after]


def _difference(
    base: Scores, scores: Scores, metric: str, clusters: Mapping[str, str] | None, seed: int
) -> Difference:
    both = _both(base, scores, metric)
    return paired(
        [base.values[metric][query] for query in both],
        [scores.values[metric][query] for query in both],
        failed=len({*base.failed, *scores.failed}),
        clusters=None if clusters is None else [clusters.get(query, query) for query in both],
        seed=seed,
    )
