"""How long a question takes: the median and the 95th percentile of those that were timed, with intervals."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ragkit.evaluation.bootstrap import CONFIDENCE, blocks
from ragkit.evaluation.outcome import Timing
from ragkit.evaluation.rule import TIMES
from ragkit.evaluation.stats import Figure

_PERCENTILES = (50, 95)
_LEAST = 5


def latency_figures(timings: Iterable[Timing], *, failed: int = 0, seed: int = 0) -> dict[str, Figure]:
    """The figures by name, in seconds; none where nothing was timed.

    `failed` counts the questions that were to be timed and ended in an error: they have no time. The interval
    is the percentile bootstrap of 10,000 resamples; fewer than five questions have none.

    >>> figures = latency_figures(Timing(f"q{n}", n / 10, nodes={}) for n in range(1, 12))
    >>> round(figures["latency.p50"].mean, 3), figures["latency.p50"].n
    (0.6, 11)
    """
    seconds = np.array([timing.seconds for timing in timings], dtype=np.float64)
    if not len(seconds):
        return {}
    found = np.percentile(seconds, _PERCENTILES)
    if len(seconds) < _LEAST:
        return {
            name: Figure(float(value), None, None, len(seconds), failed)
            for name, value in zip(TIMES, found, strict=True)
        }
    generator, n = np.random.default_rng(seed), len(seconds)
    resampled = np.concatenate(
        [
            np.percentile(seconds[generator.integers(0, n, (size, n), dtype=np.int32)], _PERCENTILES, axis=1)
            for size in blocks(n)
        ],
        axis=1,
    )
    ends = np.quantile(resampled, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2), axis=1)
    return {
        name: Figure(float(value), float(low), float(high), len(seconds), failed)
        for name, value, low, high in zip(TIMES, found, *ends, strict=True)
    }
