"""Which configurations are shown to be worse than another one, all pairs tested together.

Of each pair and objective the statistic is |Σ d| / √Σ d², d being the difference of the two on a question. If
the two are alike, a difference is as likely to have the other sign; so the signs of the questions are dealt
at random, the same for all pairs, and the largest statistic of all pairs and objectives is noted each time.
What is larger than nearly all of those largest ones is no chance: the probability that any pair of equals is
told apart is `alpha` at most, however many pairs there are. Pairs that hardly differ cost little power, as
they move together. Westfall and Young, "Resampling-Based Multiple Testing", 1993, chapter 2; Romano and Wolf,
"Exact and approximate stepdown methods for multiple hypothesis testing", JASA 100, 2005.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

DEALT = 1_000
SLACK = 0.02
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dominance:
    """Who is shown to be worse than whom.

    Args:
        worse: `[K, K]`, `[i, j]` where i is shown to be worse than j in some objective, and shown not to be
            better by more than the slack in any other.
        threshold: what the statistic of a pair has to exceed.
    """

    worse: NDArray[np.bool_]
    threshold: float = field(kw_only=True)


def dominance(
    gains: Floats,
    *,
    clusters: NDArray[np.intp] | None = None,
    may_replace: NDArray[np.bool_] | None = None,
    slack: float = SLACK,
    alpha: float,
    seed: int,
) -> Dominance:
    """Tests all pairs of `K` configurations on the same questions.

    Args:
        gains: `[K, questions, objectives]`, more is better; NaN where a configuration was not scored.
        clusters: `[questions]`, where some belong together: their signs are dealt together.
        may_replace: `[K, K]`, `[i, j]` where j can stand for i in what is not in `gains`, such as time.
        slack: by how much of the range of the configurations' means i may be better where j is not.
        alpha: the probability that any one is called worse than its equal.
        seed: of the signs.
    """
    n_configs, n_questions, n_objectives = gains.shape
    places = np.arange(n_questions) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    signs = _signs(places, seed)
    largest = np.zeros(DEALT)
    totals = np.zeros((n_configs, n_configs, n_objectives))
    spreads = np.zeros((n_configs, n_configs, n_objectives))
    squares, differing = np.zeros(n_objectives), np.zeros(n_objectives)
    for objective in range(n_objectives):
        values = gains[:, :, objective]
        dealt = None if np.isnan(values).any() else signs @ values.T  # [DEALT, K]
        for i in range(n_configs):
            change = values - values[i]  # [K, questions], of each against i
            change[~np.isfinite(change)] = 0.0
            change[np.abs(change) < 1e-12] = 0.0
            spread = np.sqrt((_by_cluster(change, places) ** 2).sum(axis=1))
            totals[i, :, objective] = change.sum(axis=1)
            spreads[i, :, objective] = spread
            squares[objective] += (change**2).sum()
            differing[objective] += np.count_nonzero(change)
            later = np.flatnonzero((spread > 0) & (np.arange(n_configs) > i))
            if not len(later):
                continue
            # A difference of sums is the sum of differences, as long as no value is missing.
            moved = signs @ change[later].T if dealt is None else dealt[:, later] - dealt[:, [i]]
            np.maximum(largest, (np.abs(moved) / spread[later]).max(axis=1), out=largest)
    threshold = float(np.quantile(largest, 1 - alpha, method="higher")) if n_configs > 1 else 0.0
    # What chance can do to a sum: j is ahead of i by `totals`, more or less `reach`.
    reach = threshold * (1 + 1e-9) * spreads
    shown = (totals > reach) & (spreads > 0)
    # Two that did not differ on these questions may on others: one more difference of the usual size is
    # reckoned with, as the rule of three does.
    usual = squares / np.maximum(1, differing)
    reach = threshold * np.sqrt(spreads**2 + usual)
    counts = np.isfinite(gains).sum(axis=1).max(axis=0)
    allowed = slack * np.ptp(_means(gains), axis=0) * counts
    not_better = totals - reach >= -allowed - 1e-9 * np.abs(totals)
    worse = shown.any(axis=2) & (shown | not_better).all(axis=2)
    if may_replace is not None:
        worse &= may_replace
    return Dominance(worse, threshold=threshold)


def _means(gains: Floats) -> Floats:
    known = np.isfinite(gains)
    sums = np.where(known, gains, 0.0).sum(axis=1)
    return np.asarray(sums / np.maximum(1, known.sum(axis=1)))


def _signs(places: NDArray[np.intp], seed: int) -> Floats:
    """`[DEALT, questions]`, the same sign for questions of a cluster."""
    n_clusters = int(places.max()) + 1 if len(places) else 0
    drawn = np.random.default_rng(seed).integers(0, 2, (DEALT, n_clusters))
    return np.asarray(2.0 * drawn[:, places] - 1.0)


def _by_cluster(change: Floats, places: NDArray[np.intp]) -> Floats:
    n_clusters = int(places.max()) + 1 if len(places) else 0
    if n_clusters == len(places):
        return change  # the order of the questions is of no matter here
    return np.asarray(change @ np.eye(n_clusters)[places])
