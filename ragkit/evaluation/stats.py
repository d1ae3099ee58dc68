"""Means with intervals, paired differences with tests, and what a set of this size can show.

Every function is deterministic for its seed. Values that are no finite numbers are refused: what could not be
scored is left out by the caller and counted in `failed`, it is never 0 and never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ragkit.errors import EvalError
from ragkit.evaluation.bootstrap import Floats, bca_interval, clustered, finite
from ragkit.evaluation.significance import (
    detectable_difference,
    effect_size,
    mcnemar_p,
    randomisation_p,
)

FEW = 50
"""Below so many queries intervals are too narrow and little can be told apart."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean and its 95 % interval over `n` scored values; `failed` more could not be scored.

    `low` and `high` are None where there is one value only, or one cluster: that has no interval.

    >>> print(mean_figure([1.0] * 15 + [0.0] * 5, failed=1))
    0.750 [0.550, 0.900] n=20 failed=1
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    failed: int = 0

    def __str__(self) -> str:
        return f"{self.mean:.3f} {_interval(self.low, self.high, '.3f')} {_counts(self.n, self.failed)}"


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher one system scores than another on the same queries.

    Args:
        mean: the mean of the differences, `system - baseline`.
        low, high: its 95 % interval; None where there is one pair only.
        n: pairs.
        failed: queries that one of the two could not be scored on.
        p: two-sided, of `test`.
        wins, losses, ties: queries on which the system scores higher, lower, the same.
        detectable: the least true difference that a set of this size and spread finds in 4 of 5 cases; None
            where the differences have no spread to judge by.
        effect: the standardised difference d_z, see `significance.effect_size`.
        test: McNemar's exact one where all values are 0 or 1 and queries stand alone, else the paired
            randomisation test.

    >>> change = paired([0.2, 0.4, 0.5], [0.4, 0.7, 0.4])
    >>> round(change.mean, 3), change.p, (change.wins, change.losses, change.ties)
    (0.133, 0.5, (2, 1, 0))
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    failed: int = field(default=0, kw_only=True)
    p: float = field(kw_only=True)
    wins: int = field(kw_only=True)
    losses: int = field(kw_only=True)
    ties: int = field(kw_only=True)
    detectable: float | None = field(kw_only=True)
    effect: float | None = field(default=None, kw_only=True)
    test: Literal["randomisation", "McNemar"] = field(default="randomisation", kw_only=True)

    def __str__(self) -> str:
        interval = _interval(self.low, self.high, "+.3f")
        p = probability(self.p)
        p = f"p {p}" if p.startswith("<") else f"p={p}"
        return f"{self.mean:+.3f} {interval} {p} {_counts(self.n, self.failed)}"


def mean_figure(
    values: Sequence[float] | Floats,
    *,
    failed: int = 0,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> Figure:
    """The mean with its bootstrap interval.

    The interval is BCa, corrected for bias and skew, of 10,000 resamples: Efron, "Better bootstrap confidence
    intervals", JASA 82, 1987; Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 14.3.
    Where all values are equal it is that value, which says nothing of what rarely happens: where none of n
    is wrong, up to 3/n may be.

    Args:
        values: one per query.
        failed: how many queries could not be scored.
        clusters: the cluster of each value, where some belong together, such as queries about one
            document. Clusters are resampled as a whole, which widens the interval as it should.
        seed: of the resampling.

    Raises:
        EvalError: there is no value, or one is no finite number.
    """
    array = finite(values, failed)
    sums, sizes = clustered(array, clusters)
    low, high = bca_interval(sums, sizes, seed)
    return Figure(float(array.mean()), low, high, len(array), failed)


def paired(
    baseline: Sequence[float] | Floats,
    system: Sequence[float] | Floats,
    *,
    failed: int = 0,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> Difference:
    """Compares two systems query by query.

    Args:
        baseline, system: values of the same queries in the same order.
        failed, clusters, seed: as for `mean_figure`.

    Raises:
        EvalError: the lengths differ, there is no pair, or a value is no finite number.
    """
    before, after = finite(baseline, failed), finite(system, failed)
    if len(before) != len(after):
        raise EvalError(f"{len(before)} values against {len(after)}: expected one pair per query")
    # Differences of sums that are equal on paper, such as .1 + .2 against .3, are ties.
    change = after - before
    change[np.isclose(after, before, rtol=1e-12, atol=1e-12)] = 0.0
    sums, sizes = clustered(change, clusters)
    low, high = bca_interval(sums, sizes, seed)
    wins, losses = int((change > 0).sum()), int((change < 0).sum())
    is_binary = clusters is None and bool(np.isin((before, after), (0.0, 1.0)).all())
    return Difference(
        float(change.mean()),
        low,
        high,
        len(change),
        failed=failed,
        p=mcnemar_p(wins, losses) if is_binary else randomisation_p(sums, seed=seed),
        wins=wins,
        losses=losses,
        ties=int((change == 0).sum()),
        detectable=_detectable(sums, sizes),
        effect=effect_size(change),
        test="McNemar" if is_binary else "randomisation",
    )


def _detectable(sums: Floats, sizes: Floats) -> float | None:
    """By the spread of what the clusters add to the mean."""
    if len(sums) < 2:
        return None
    mean = sums.sum() / sizes.sum()
    spread = float(np.std((sums - mean * sizes) / sizes.mean(), ddof=1))
    return detectable_difference(spread, len(sums)) if spread > 0 else None


def probability(p: float) -> str:
    """Four decimals, and never 0.

    >>> probability(0.00001), probability(0.5)
    ('< 0.0001', '0.5000')
    """
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _interval(low: float | None, high: float | None, form: str) -> str:
    return "[–]" if low is None or high is None else f"[{low:{form}}, {high:{form}}]"


def _counts(n: int, failed: int) -> str:
    return f"n={n:,} failed={failed:,}" if failed else f"n={n:,}"
