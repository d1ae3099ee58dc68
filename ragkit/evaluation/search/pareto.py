"""Who is beaten by none: fronts of points in which more is better everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.search.hypervolume import hypervolume

Points = NDArray[np.float64]


def dominated_by(points: Points) -> NDArray[np.bool_]:
    """Which of `n` points are dominated by which: `[n, n]`, `[i, j]` where j is nowhere worse and somewhere
    better than i.

    >>> dominated_by(np.array([[1.0, 1.0], [2.0, 1.0]]))[0].tolist()
    [False, True]
    """
    better = (points[None, :, :] > points[:, None, :]).any(axis=2)
    worse = (points[None, :, :] < points[:, None, :]).any(axis=2)
    return np.asarray(better & ~worse)


def front(points: Points) -> list[int]:
    """The points that none dominates, in their order; of equal points all.

    >>> front(np.array([[1.0, 3.0], [2.0, 2.0], [1.0, 2.0]]))
    [0, 1]
    """
    if not len(points):
        return []
    return np.flatnonzero(~dominated_by(points).any(axis=1)).tolist()


def fronts(points: Points) -> list[list[int]]:
    """All points in layers: the front, the front of what is left, and so on.

    Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
    Transactions on Evolutionary Computation 6(2), 2002, section III-A.
    """
    beaten, left, layers = dominated_by(points), np.arange(len(points)), []
    while len(left):
        free = ~beaten[np.ix_(left, left)].any(axis=1)
        layers.append(left[free].tolist())
        left = left[~free]
    return layers


def most_promising(points: Points) -> list[int]:
    """All points, those first that are most worth going on with: layer by layer, see `fronts`.

    Within a layer, the next one is always that which adds most to the hypervolume of those before it, in
    units of the points' range. Greedy selection is within 1 - 1/e of the best subset of any size: Guerreiro,
    Fonseca and Paquete, "Greedy hypervolume subset selection in low dimensions", Evolutionary Computation
    24(3), 2016. Ties go to the lower index.

    >>> most_promising(np.array([[0.0, 3.0], [2.0, 2.0], [3.0, 0.0], [1.0, 1.0]]))
    [1, 0, 2, 3]
    """
    if not len(points):
        return []
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    return [i for layer in fronts(points) for i in _spanning(scaled, layer)]


def _spanning(scaled: Points, layer: list[int]) -> list[int]:
    # A margin below the worst, for what is worst in one objective must count for something.
    below = np.full(scaled.shape[1], -0.1)
    taken: list[int] = []
    left = list(layer)
    while left:
        volumes = [hypervolume(scaled[[*taken, i]], below) for i in left]
        taken.append(left.pop(int(np.argmax(volumes))))
    return taken
