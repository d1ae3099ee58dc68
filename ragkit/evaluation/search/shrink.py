"""What a configuration may be hoped to reach, judged by itself and by those that are like it.

On a few questions, means are mostly luck, and the best of many is the luckiest. Configurations that share a
choice are evidence of each other: the mean is drawn towards what the choices, each on its own, make of it,
the more so the less the distance between the two exceeds what chance alone would make of it. Efron and
Morris, "Data analysis using Stein's estimator and its generalizations", JASA 70, 1975.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shrunken(values: Floats, choices: Sequence[Mapping[str, str]]) -> Floats:
    """`[K]`: the means of `values`, drawn towards what the choices make of them.

    Args:
        values: `[K, questions]`, NaN where there is none; every row has a value.
        choices: of each configuration, by key of the space; a key may be missing.

    >>> shrunken(np.array([[1.0, 0.0], [0.0, 1.0]]), [{"k": "5"}, {"k": "10"}]).tolist()
    [0.5, 0.5]
    """
    known = np.isfinite(values)
    means = np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)
    design = _design(choices)
    fit = design @ np.linalg.pinv(design)
    rest = means - fit @ means
    # What is missing stands at its row's mean, so that it says nothing.
    full = np.where(known, values, means[:, None])
    noise = (full - fit @ full).var(axis=1, ddof=1) / known.sum(axis=1) if values.shape[1] > 1 else rest**2
    found, by_chance = float((rest**2).mean()), float(noise.mean())
    if found <= 1e-15:
        return np.asarray(means)
    return np.asarray(fit @ means + max(0.0, 1 - by_chance / found) * rest)


def _design(choices: Sequence[Mapping[str, str]]) -> Floats:
    """A column of ones, and one for each choice of each key."""
    columns = sorted({(key, value) for chosen in choices for key, value in chosen.items()})
    rows = [[1.0, *(float(chosen.get(key) == value) for key, value in columns)] for chosen in choices]
    return np.array(rows)
