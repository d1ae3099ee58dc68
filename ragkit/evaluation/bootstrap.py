"""Bootstrap intervals of a mean, by values or by clusters of them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EvalError

CONFIDENCE = 0.95
RESAMPLES = 10_000
WORTH_COUNTING = 16
"""With so many values to each distinct one, drawing how often each comes up is faster than drawing values."""
# Of 1.6 MB: what fits in a core's cache is two to ten times as fast as what has to be fetched.
_BLOCK = 200_000
_NORMAL = NormalDist()
Floats = NDArray[np.float64]


def finite(values: Sequence[float] | Floats, failed: int) -> Floats:
    """The values as an array.

    Raises:
        EvalError: there is none, or one is no finite number.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise EvalError(f"nothing to average: no value was scored, {failed} failed")
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise EvalError(
            f"value {place} is {array[place]}: leave out what could not be scored and count it in `failed`"
        )
    return array


def clustered(values: Floats, clusters: Sequence[str] | None) -> tuple[Floats, Floats]:
    """The sum and the size of each cluster; every value is its own without clusters."""
    if clusters is None:
        return values, np.ones(len(values))
    if len(clusters) != len(values):
        raise EvalError(f"{len(values)} values, {len(clusters)} clusters: expected one cluster per value")
    places = cluster_places(clusters)
    sums = np.bincount(places, weights=values).astype(np.float64)
    return sums, np.bincount(places).astype(np.float64)


def cluster_places(clusters: Sequence[str]) -> NDArray[np.int64]:
    """The number of each value's cluster, from 0, in the order of their names.

    >>> cluster_places(["b", "a", "b"]).tolist()
    [1, 0, 1]
    """
    # An array of names would give each of them the room of the longest.
    numbers = {name: number for number, name in enumerate(sorted(set(clusters)))}
    return np.fromiter((numbers[name] for name in clusters), dtype=np.int64, count=len(clusters))


def bca_interval(sums: Floats, sizes: Floats, seed: int) -> tuple[float | None, float | None]:
    """The BCa interval of Σ sums / Σ sizes when the clusters are drawn again; None for one cluster.

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 14.3; for clusters, the
    acceleration is that of the jackknife over clusters.
    """
    if len(sums) < 2:
        return None, None
    mean, means = float(sums.sum() / sizes.sum()), sums / sizes
    if np.ptp(means) <= 1e-12 * float(np.abs(means).max()):
        return mean, mean
    close = 1e-12 * float(np.abs(sums).sum() / sizes.sum())
    without = (sums.sum() - sums) / (sizes.sum() - sizes)
    return bca_ends(mean, _resampled(sums, sizes, seed), without, close=close)


def bca_ends(
    estimate: float, resampled: Floats, without: Floats, *, close: float = 1e-12
) -> tuple[float, float]:
    """The ends of the BCa interval of any figure.

    Args:
        estimate: the figure.
        resampled: the figure of each resample.
        without: the figure when each value, or cluster, is left out in turn: the jackknife.
        close: figures that are nearer than this are the same.
    """
    below = float((resampled < estimate - close).mean() + (resampled <= estimate + close).mean()) / 2
    least = 1 / len(resampled)
    bias = _NORMAL.inv_cdf(min(max(below, least), 1 - least))
    apart = without.mean() - without
    apart /= np.abs(apart).max() or 1.0  # cubes of tiny numbers would vanish
    skew = float((apart**3).sum() / (6 * max(1.0, float((apart**2).sum())) ** 1.5))
    ends = []
    for z in (_NORMAL.inv_cdf((1 - CONFIDENCE) / 2), _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)):
        ends.append(_NORMAL.cdf(bias + (bias + z) / (1 - skew * (bias + z))))
    low, high = np.quantile(resampled, ends)
    return float(low), float(high)


def _resampled(sums: Floats, sizes: Floats, seed: int) -> Floats:
    generator, n = np.random.default_rng(seed), len(sums)
    alike = bool((sizes == sizes[0]).all())
    values, counts = np.unique(sums, return_counts=True)
    if alike and len(values) * WORTH_COUNTING <= n:
        # How often each value is drawn, which is the same and far less to draw.
        drawn = generator.multinomial(n, counts / n, RESAMPLES)
        return np.asarray(drawn @ values / (n * sizes[0]))
    parts = []
    for size in blocks(n):
        picks = generator.integers(0, n, (size, n), dtype=np.int32)
        parts.append(sums[picks].sum(axis=1) / (n * sizes[0] if alike else sizes[picks].sum(axis=1)))
    return np.concatenate(parts)


def blocks(n: int, total: int = RESAMPLES) -> list[int]:
    """Parts of the resamples, each small enough to lie near the processor."""
    step = max(1, min(total, _BLOCK // n))
    return [min(step, total - start) for start in range(0, total, step)]
