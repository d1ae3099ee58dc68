"""Is a run good enough? Each rule of a suite is looked at, for each pipeline on each dataset.

A change is tested by question: `drop > 0.01 significant` does not hold if the mean fell by more than 0.01 and
a paired randomisation test says, at p < .05 and one-sided, that this is no chance. A gate on the mean alone
raises a false alarm in three of ten runs that changed nothing (100 questions, `evals/gate_alarms.py`);
this one in one of twenty at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ragkit.errors import EvalError
from ragkit.evaluation.baseline import Baseline, BaselineResult
from ragkit.evaluation.clusters import clusters_of
from ragkit.evaluation.facts import dataset_fact
from ragkit.evaluation.report import GateCheck, Result
from ragkit.evaluation.rule import COUNTS, TIMES, Rule
from ragkit.evaluation.stats import Difference, Figure, paired

ALPHA = 0.05
LEAST_TESTED = 5
"""Of fewer questions, or clusters of them, a drop in each has a p of 1/16 at best: no test finds it."""


class Before(Protocol):
    """What a change is measured from: for each pipeline on each dataset, figures and values of old."""

    def of(self, dataset: str, pipeline: str) -> BaselineResult | None:
        """The old ones; None for the reference itself, which is compared with nothing."""
        ...


@dataclass(frozen=True, slots=True)
class FromFile:
    """A baseline file, refused where its datasets are not those of the run."""

    baseline: Baseline
    facts: Mapping[str, object] = field(kw_only=True, repr=False)

    def of(self, dataset: str, pipeline: str) -> BaselineResult:
        """The file's figures of the same pipeline on the same dataset.

        Raises:
            EvalError: the file does not have them, or of another version of the dataset.
        """
        old = self.baseline.result(dataset, pipeline)
        checksum = dataset_fact(self.facts, dataset, "checksum")
        if old.checksum != checksum:
            raise EvalError(
                f"{self.baseline.path}: was measured on another version of {dataset!r} (checksum "
                f"{old.checksum[:12]}, now {str(checksum)[:12]}): its figures cannot be compared. Go back to "
                f"that version, or keep new figures: ragkit eval SUITE --save-baseline {self.baseline.path}"
            )
        return old


@dataclass(frozen=True, slots=True)
class FromPipeline:
    """Another pipeline of the same run."""

    results: Sequence[Result] = field(repr=False)
    pipeline: str = field(kw_only=True)

    def of(self, dataset: str, pipeline: str) -> BaselineResult | None:
        """The figures of the reference on the same dataset; None for the reference itself."""
        if pipeline == self.pipeline:
            return None
        for other in self.results:
            if (other.dataset, other.pipeline) == (dataset, self.pipeline):
                return BaselineResult(
                    "",
                    means={name: figure.mean for name, figure in other.figures.items()},
                    values=other.values,
                    failed=tuple(other.failed),
                    degraded=other.degraded,
                )
        raise EvalError(f"the baseline {self.pipeline!r} was not run on {dataset!r}")


def check_gate(
    rules: Sequence[Rule],
    results: Sequence[Result],
    *,
    before: Before,
    max_unscored: float = 1.0,
    seed: int = 0,
) -> tuple[GateCheck, ...]:
    """Looks at every rule for every result that it says something about.

    Args:
        rules: the suite's.
        results: of the pipelines that the rules are meant for.
        before: what changes are measured from.
        max_unscored: the share of its questions that a measure, such as a judge that cannot be reached, may
            fail to score; beyond it no rule about the measure holds.
        seed: of the tests.

    Raises:
        EvalError: a rule says something about none of the results, or the baseline cannot be compared with.
    """
    checks = []
    for rule in rules:
        found = [
            _trusted(check, result, max_unscored)
            for result in results
            for check in _check(rule, result, before, seed)
        ]
        if not found:
            raise EvalError(
                f"fail_if: {rule.metric}: {rule.written!r} says something about none of the pipelines under "
                "the gate: it is measured on none of them, or there is none beside the one compared with"
            )
        checks += found
    return tuple(checks)


def _check(rule: Rule, result: Result, before: Before, seed: int) -> list[GateCheck]:
    old = before.of(result.dataset, result.pipeline) if rule.compares else None
    if rule.compares and old is None:
        return []
    if rule.metric in COUNTS:
        holds, detail = _of_count(rule, result, old)
    elif rule.metric in result.unmeasured:
        holds, detail = False, f"not measured: {result.unmeasured[rule.metric]}"
    elif rule.metric in TIMES and rule.metric not in result.figures:
        holds, detail = False, "not measured: no question that was timed came to its end"
    elif rule.metric not in result.figures:
        return []
    elif old is None:
        figure = result.figures[rule.metric]
        holds, detail = not rule.is_broken_by(figure.mean), shown(rule.metric, figure)
    else:
        holds, detail = _of_change(rule, result, old, seed)
    checked = GateCheck(
        result.dataset,
        result.pipeline,
        metric=rule.metric,
        rule=rule.written,
        holds=holds,
        detail=detail,
    )
    return [checked]


def _trusted(check: GateCheck, result: Result, max_unscored: float) -> GateCheck:
    """The check; as broken where the measure could not score too many of its questions to be believed."""
    unscored = len(result.unscored.get(check.metric, ()))
    n = result.n_of(check.metric) + unscored
    if check.metric not in result.figures or unscored <= max_unscored * n:
        return check
    told = f"{check.detail}; {unscored:,} of {n:,} questions could not be scored"
    return replace(check, holds=False, detail=told)


def _of_count(rule: Rule, result: Result, old: BaselineResult | None) -> tuple[bool, str]:
    is_errors = rule.metric == "errors"
    now = len(result.failed) if is_errors else result.degraded
    asked = f"{now:,} of {len(result.outcomes):,} questions"
    if old is None:
        return not rule.is_broken_by(now), asked
    was = len(old.failed) if is_errors else old.degraded
    return not rule.is_passed_by(now - was, was), f"{asked}, before {was:,}"


def _of_change(rule: Rule, result: Result, old: BaselineResult, seed: int) -> tuple[bool, str]:
    if rule.metric not in old.means:
        raise EvalError(
            f"fail_if: {rule.metric}: the baseline has no such figure of {result.pipeline!r} on "
            f"{result.dataset!r}; it has {', '.join(old.means)}. Save it anew: --save-baseline"
        )
    figure, was = result.figures[rule.metric], old.means[rule.metric]
    if rule.metric not in result.values or rule.metric not in old.values:
        return _of_whole_set(rule, figure, was)
    now, then = result.values[rule.metric], old.values[rule.metric]
    both = [question for question in now if question in then]
    if not both:
        return False, "no question has a value both now and before"
    together = clusters_of(result, both)
    change = paired(
        [then[question] for question in both],
        [now[question] for question in both],
        failed=len({*result.failed, *old.failed}),
        clusters=together,
        seed=seed,
    )
    went = rule.is_passed_by(change.mean, was)
    p = one_sided(change, is_drop=rule.kind == "drop")
    holds = not (went and (p < ALPHA or not rule.is_significant))
    is_blind = rule.is_significant and len(set(together or both)) < LEAST_TESTED
    few = f"; fewer than {LEAST_TESTED} independent questions: no test can tell" if is_blind else ""
    return holds, f"{change.mean:+.3f} from {was:.3f}, {_tested(change, p)}{few}"


def _of_whole_set(rule: Rule, figure: Figure, was: float) -> tuple[bool, str]:
    """A measure of a whole set has no value for each question: its change cannot be tested."""
    if rule.is_significant:
        raise EvalError(
            f"fail_if: {rule.metric}: {rule.written!r}: this measure has no values by question to test. "
            "Leave significant out"
        )
    change = figure.mean - was
    return not rule.is_passed_by(change, was), f"{change:+.3f} from {was:.3f}, n={figure.n:,}"


def one_sided(change: Difference, *, is_drop: bool) -> float:
    """The p of a test for a change in one direction: half the two-sided one, for signs dealt at random are
    as likely one way as the other."""
    in_direction = change.mean < 0 if is_drop else change.mean > 0
    return change.p / 2 if in_direction else 1.0


def _tested(change: Difference, p: float) -> str:
    """How sure a change is: a p only where it went the way that the rule looks."""
    interval = "" if change.low is None else f" [{change.low:+.3f}, {change.high:+.3f}]"
    tested = f", one-sided p={p:.4f}" if p < 1 else ""
    finds = "" if change.detectable is None else f"; a true {change.detectable:.3f} is found in 4 of 5 cases"
    failed = f", failed={change.failed:,}" if change.failed else ""
    return f"95 %{interval or ' –'}{tested}, n={change.n:,}{failed}{finds}"


def shown(metric: str, figure: Figure) -> str:
    """A figure in words; times in milliseconds."""
    if metric in TIMES:
        return f"{figure.mean * 1e3:.1f} ms, n={figure.n:,}"
    return str(figure)
