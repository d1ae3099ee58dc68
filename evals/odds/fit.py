"""Weights of the clues by which the answers that are right would be chosen, and how sure to be of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from odds.asked import Asked, masses
from ragkit.generate.clues import CLUES
from ragkit.generate.odds import Weights, shares

Floats = NDArray[np.float64]
Loss = Callable[[Floats], tuple[float, Floats]]


def fitted(rows: Sequence[Asked]) -> dict[str, object]:
    """The weights that `odds.json` holds, of questions none of which is a trap."""
    every = np.concatenate([row.clued.rows for row in rows])
    spread = every.std(axis=0) + 1e-9
    solution = _descend(_sentence_loss(rows, spread), len(CLUES) + 1)
    clue_weights = solution[:-1] / spread
    none = float(solution[-1])
    weights = Weights(tuple(clue_weights.tolist()), none, (0.0, 1.0, 0.0), (0.0, 0.0, 0.0))
    values, is_right = [], []
    for row in rows:
        p, chosen = shares(row.clued, weights), row.chosen(weights)
        values.append((1.0, logit(p[chosen].sum()), logit(p.sum())))
        is_right.append(bool(row.right[chosen].any()))
    calibration = _logistic_fit(np.array(values), np.array(is_right), masses(rows))
    missing = [row for row in rows if row.mode != "in"]
    about = [
        (1.0, row.clued.said_in_passage, row.clued.rows[:, CLUES.index("cosine")].max()) for row in missing
    ]
    scope = _logistic_fit(
        np.array(about), np.array([row.mode == "out" for row in missing]), np.ones(len(missing))
    )
    return {
        "clues": {name: round(float(w), 4) for name, w in zip(CLUES, clue_weights, strict=True)},
        "none": round(none, 4),
        "calibration": dict(zip(("bias", "quoted", "all"), np.round(calibration, 4).tolist(), strict=True)),
        "scope": dict(zip(("bias", "said", "cosine"), np.round(scope, 4).tolist(), strict=True)),
    }


def _sentence_loss(rows: Sequence[Asked], spread: Floats) -> Loss:
    """Of the softmax over the sentences of each question and "none": the log of what falls on right ones."""
    values = np.concatenate([row.clued.rows for row in rows]) / spread
    right = np.concatenate([row.right for row in rows]).astype(float)
    sizes = np.array([len(row.right) for row in rows])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    group = np.repeat(np.arange(len(rows)), sizes)
    mass = masses(rows)
    mass /= mass.sum()

    def loss(solution: Floats) -> tuple[float, Floats]:
        at, none = values @ solution[:-1], solution[-1]
        top = np.maximum(np.maximum.reduceat(at, starts), none)
        odds, odds_none = np.exp(at - top[group]), np.exp(none - top)
        total = np.add.reduceat(odds, starts) + odds_none
        good = np.add.reduceat(odds * right, starts)
        has = good > 0
        aim = np.where(has, good, odds_none)
        pull = odds / total[group] - np.where(has[group], odds * right / aim[group], 0.0)
        slope = values.T @ (pull * mass[group])
        slope_none = float((mass * (odds_none / total - ~has)).sum())
        held = 1e-3 * solution[:-1]
        value = float(-(mass * np.log(aim / total)).sum() + held @ solution[:-1])
        return value, np.append(slope + 2 * held, slope_none)

    return loss


def _logistic_fit(values: Floats, is_right: NDArray[np.bool_], mass: Floats) -> Floats:
    mass = mass / mass.sum()

    def loss(solution: Floats) -> tuple[float, Floats]:
        p = 1 / (1 + np.exp(-values @ solution))
        held = 1e-4 * solution
        fit = -(mass * np.log(np.where(is_right, p, 1 - p) + 1e-12)).sum()
        return float(fit + held @ solution), values.T @ (mass * (p - is_right)) + 2 * held

    return _descend(loss, values.shape[1], steps=3000)


def _descend(loss: Loss, size: int, steps: int = 800, rate: float = 0.05) -> Floats:
    """Adam on the whole batch: the losses are smooth and small."""
    solution, mean, square = np.zeros(size), np.zeros(size), np.zeros(size)
    for step in range(1, steps + 1):
        slope = loss(solution)[1]
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        solution = solution - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return solution


def logit(share: float) -> float:
    """The logarithm of the odds of a share, held within one in a million of its ends."""
    held = min(max(float(share), 1e-6), 1 - 1e-6)
    return float(np.log(held / (1 - held)))
