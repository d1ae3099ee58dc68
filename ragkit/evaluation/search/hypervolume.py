"""The volume that a set of points dominates: one number for how good a front is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def hypervolume(points: Points, reference: NDArray[np.float64]) -> float:
    """The volume between the reference and the points, more being better everywhere.

    Zitzler and Thiele, "Multiobjective optimization using evolutionary algorithms: a comparative case study",
    PPSN V, 1998. Exact, by slices along the last objective, as in Fonseca, Paquete and López-Ibáñez, "An
    improved dimension-sweep algorithm for the hypervolume indicator", CEC 2006; a sweep for two objectives.

    Args:
        points: `[n, m]`; those that are not above the reference everywhere add nothing.
        reference: `[m]`, the worst of what is looked at.

    >>> hypervolume(np.array([[2.0, 1.0], [1.0, 2.0]]), np.zeros(2))
    3.0
    """
    gains = points[(points > reference).all(axis=1)] - reference if len(points) else points
    return _volume(np.asarray(gains, dtype=np.float64)) if len(gains) else 0.0


def _volume(gains: Points) -> float:
    if gains.shape[1] == 1:
        return float(gains.max())
    if gains.shape[1] == 2:
        return _area(gains)
    # Between one height and the next lower one stand all the points that are as high or higher.
    ordered = gains[np.argsort(-gains[:, -1], kind="stable")]
    heights = np.append(ordered[:, -1], 0.0)
    volume = 0.0
    for n in range(1, len(ordered) + 1):
        thickness = heights[n - 1] - heights[n]
        if thickness > 0:
            volume += float(thickness) * _volume(ordered[:n, :-1])
    return volume


def _area(gains: Points) -> float:
    ordered = gains[np.lexsort((-gains[:, 1], -gains[:, 0]))]
    highest = np.maximum.accumulate(ordered[:, 1])
    steps = np.diff(np.concatenate(([0.0], highest)))
    return float((ordered[:, 0] * steps).sum())
