"""Rules and a baseline that cannot be held against a run, told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ragkit.errors import EvalError
from ragkit.evaluation.baseline import Baseline, BaselineResult
from ragkit.evaluation.clusters import clusters
from ragkit.evaluation.gate import LEAST_TESTED, FromFile
from ragkit.evaluation.metrics.metric import SetMetric
from ragkit.evaluation.prepared_data import PreparedData
from ragkit.evaluation.rows import Problems
from ragkit.evaluation.rule import COUNTS, TIMES, Rule
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.suite import Suite


def check_rules(
    suite: Suite,
    found: Sequence[PreparedData],
    baseline: Baseline | None,
    facts: Mapping[str, object],
    *,
    replaces_baseline: bool,
) -> None:
    """Checks that every rule says something of a run, and that the baseline has what it is compared with.

    Args:
        suite: whose rules they are.
        found: all its datasets, opened.
        baseline: of the file that the suite names; None where there is none.
        facts: of the run.
        replaces_baseline: whether rules that compare with the file are not looked at.

    Raises:
        EvalError: all that does not fit.
    """
    problems = Problems()
    gated = [
        (one, pipeline)
        for one in found
        for pipeline in one.pipelines
        if suite.pipelines[pipeline.name].is_gated
    ]
    rules = [
        rule for rule in suite.rules if not (replaces_baseline and suite.baseline_file and rule.compares)
    ]
    if baseline is not None and any(rule.compares for rule in rules):
        for one, pipeline in gated:
            with problems.gathered():
                _check_same(baseline, FromFile(baseline, facts=facts).of(one.data.name, pipeline.name), one)
    for rule in rules:
        problems.found += dict.fromkeys(_unfit(rule, suite, gated, baseline))
    problems.settle()


def _check_same(baseline: Baseline, old: BaselineResult, one: PreparedData) -> None:
    """Whether the figures of old are of the questions that are asked now."""
    if set(old.questions) != set(one.questions):
        raise EvalError(
            f"{baseline.path}: was measured on {len(old.questions):,} questions of {one.data.name!r}, which "
            f"are not the {len(one.questions):,} that are asked now: its figures cannot be compared. Ask the "
            "same (sample:, metrics:), or keep new figures: ragkit eval SUITE --save-baseline "
            f"{baseline.path}"
        )


def _unfit(
    rule: Rule, suite: Suite, gated: Sequence[tuple[PreparedData, Pipeline]], baseline: Baseline | None
) -> Iterator[str]:
    """Why a rule cannot be looked at."""
    said = f"fail_if: {rule.metric}: {rule.written!r}"
    if rule.metric in TIMES:
        if not suite.timing_n:
            yield f"{said}: no question is timed: set timing_n to 1 or more"
            return
        if rule.compares and suite.baseline_file:
            yield (
                f"{said}: a baseline file holds no times, which are those of one machine. Name a pipeline as "
                'the baseline, or give a limit, such as "> 250 ms"'
            )
            return
    looked_at = [(one, pipeline) for one, pipeline in gated if _looks_at(rule, suite, one, pipeline)]
    if not looked_at:
        yield (
            f"{said} says something about none of the pipelines under the gate: it is measured on none of "
            "them, or there is none beside the one compared with"
        )
    for one, pipeline in looked_at:
        if rule.is_significant and any(
            metric.name == rule.metric and isinstance(metric, SetMetric) for metric in one.metrics
        ):
            yield f"{said}: this measure has no values by question to test. Leave significant out"
        elif rule.is_significant and (n := _independent(one)) < LEAST_TESTED:
            yield (
                f"{said}: no test can find a drop in {n} independent questions of {one.data.name!r}: ask "
                f"{LEAST_TESTED} or more, or leave significant out"
            )
        elif rule.compares and baseline is not None and rule.metric not in COUNTS:
            old = baseline.results.get((one.data.name, pipeline.name))
            if old is not None and rule.metric not in old.means:
                yield (
                    f"{said}: {baseline.path} has no such figure of {pipeline.name!r} on {one.data.name!r}; "
                    f"it has {', '.join(old.means)}. Save it anew: ragkit eval SUITE --save-baseline "
                    f"{baseline.path}"
                )


def _independent(one: PreparedData) -> int:
    return len(set(clusters(one.data.qrels, one.questions).values()))


def _looks_at(rule: Rule, suite: Suite, one: PreparedData, pipeline: Pipeline) -> bool:
    if rule.compares and suite.baseline_file is None and pipeline.name == suite.reference:
        return False
    names = (metric.name for metric in one.metrics_of(pipeline))
    return rule.metric in (*COUNTS, *TIMES) or rule.metric in names
