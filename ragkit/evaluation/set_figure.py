"""The figure of a measure of a whole set, with a bootstrap interval over the questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EvalError
from ragkit.evaluation.bootstrap import RESAMPLES, Floats, bca_ends, blocks, cluster_places
from ragkit.evaluation.metrics.metric import SetMetric, WeightedMetric
from ragkit.evaluation.stats import Figure

MIN_DEFINED = 0.95
"""With less than this share of resamples in which a measure is defined, it has no interval."""
_UNWEIGHTED_RESAMPLES = 2_000


def set_figure(
    metric: SetMetric,
    parts: Floats,
    *,
    failed: int = 0,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> Figure | None:
    """The measure of a set with its 95 % BCa interval; None where it is not defined.

    Questions, or clusters of them, are drawn again; the acceleration is that of the jackknife. 10,000 times
    for a measure that takes many resamples at once (`WeightedMetric`), else 2,000 times. Resamples in which
    the measure is not defined, such as a precision where nothing was drawn, are left out; above 5 % of them
    there is no interval.

    Args:
        metric: what is measured.
        parts: what each question adds, `[n, m]`.
        failed, clusters, seed: as for `stats.mean_figure`.

    Raises:
        EvalError: the value is no finite number.
    """
    value = metric.value(parts)
    if value is None:
        return None
    if not np.isfinite(value):
        raise EvalError(f"measure {metric.name!r}: {value}: expected a finite number, or None")
    places = np.arange(len(parts)) if clusters is None else cluster_places(clusters)
    low, high = _interval(metric, parts, float(value), places, seed)
    return Figure(float(value), low, high, len(parts), failed)


def _interval(
    metric: SetMetric, parts: Floats, value: float, places: NDArray[np.int64], seed: int
) -> tuple[float | None, float | None]:
    n_clusters = int(places.max()) + 1
    if n_clusters < 2:
        return None, None
    drawn = np.concatenate([_values(metric, parts, w[:, places]) for w in _draws(metric, n_clusters, seed)])
    kept = drawn[~np.isnan(drawn)]
    if len(kept) < MIN_DEFINED * len(drawn):
        return None, None
    without = np.concatenate([_values(metric, parts, w[:, places]) for w in _leave_one_out(n_clusters)])
    without = without[~np.isnan(without)]
    return bca_ends(value, kept, without) if len(without) else (None, None)


def _draws(metric: SetMetric, n: int, seed: int) -> Iterator[Floats]:
    """How often each cluster is drawn, `[r, n]`, in blocks that fit in memory."""
    generator = np.random.default_rng(seed)
    total = RESAMPLES if isinstance(metric, WeightedMetric) else _UNWEIGHTED_RESAMPLES
    for size in blocks(n, total):
        picks = generator.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(picks.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _leave_one_out(n: int) -> Iterator[Floats]:
    start = 0
    for size in blocks(n, n):
        weights = np.ones((size, n))
        weights[np.arange(size), np.arange(start, start + size)] = 0.0
        start += size
        yield weights


def _values(metric: SetMetric, parts: Floats, weights: Floats) -> Floats:
    """The measure of each resample; NaN where it is not defined."""
    if isinstance(metric, WeightedMetric):
        return metric.weighted(parts, weights)
    values = (metric.value(np.repeat(parts, row.astype(np.int64), axis=0)) for row in weights)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
