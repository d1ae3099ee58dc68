"""From a score to a probability that the passage is relevant.

Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with his smoothed targets, fitted by
Newton's method with backtracking as in Lin, Lin and Weng, "A Note on Platt's Probabilistic Outputs", 2007.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.errors import EvalError
from ragkit.settings import Settings

_STEPS, _SMALLEST, _RIDGE = 100, 1e-10, 1e-12


class Calibration(Settings):
    """`1 / (1 + exp(-(slope · score + offset)))`.

    >>> Calibration(slope=2.0, offset=-1.0).of([0.5]).tolist()
    [0.5]
    """

    slope: float = Field(allow_inf_nan=False, gt=0.0, description="How fast the probability rises.")
    offset: float = Field(allow_inf_nan=False, description="Its logit where the score is 0.")

    def of(self, scores: Sequence[float]) -> NDArray[np.float64]:
        """Probabilities, shape `[n]`."""
        logits = self.slope * np.asarray(scores, dtype=np.float64) + self.offset
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -700.0, 700.0))))

    @classmethod
    def fitted(cls, scores: Sequence[float], relevant: Sequence[bool]) -> Calibration:
        """The most likely calibration, given passages of which it is known whether they are relevant.

        Fit it on other questions than those it is judged by.

        Args:
            scores: shape `[n]`.
            relevant: shape `[n]`.

        Raises:
            EvalError: there are none of one kind, or relevant passages have no higher scores than others.

        >>> Calibration.fitted([0.1, 0.2, 0.3, 0.6, 0.8], [False, False, True, True, True]).slope > 1
        True
        """
        x, y = np.asarray(scores, dtype=np.float64), np.asarray(relevant, dtype=bool)
        if x.shape != y.shape or not np.isfinite(x).all() or y.all() or not y.any():
            raise EvalError(
                f"{x.size} scores, {int(y.sum())} of {y.size} passages relevant: expected finite scores, "
                "as many as passages, and some of either kind"
            )
        scale = float(np.std(x))
        slope, offset = (0.0, 0.0) if scale == 0 else _newton((x - x.mean()) / scale, y)
        if slope <= 0:
            raise EvalError(
                "relevant passages have no higher scores than others, so no score tells them apart"
            )
        return cls(slope=slope / scale, offset=offset - slope * float(x.mean()) / scale)


def _newton(x: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[float, float]:
    n_yes, n_no = int(y.sum()), int((~y).sum())
    target = np.where(y, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))
    design = np.stack([x, np.ones_like(x)], axis=1)
    weights = np.array([0.0, np.log((n_yes + 1) / (n_no + 1))])
    loss = _loss(design @ weights, target)
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -700.0, 700.0)))
        gradient = design.T @ (p - target)
        hessian = (design.T * (p * (1 - p))) @ design + _RIDGE * np.eye(2)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > _SMALLEST and _loss(design @ (weights - size * step), target) > loss:
            size /= 2
        weights = weights - size * step
        before, loss = loss, _loss(design @ weights, target)
        if before - loss < _SMALLEST:
            break
    return float(weights[0]), float(weights[1])


def _loss(logits: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float(np.sum(np.logaddexp(0.0, logits) - target * logits))
