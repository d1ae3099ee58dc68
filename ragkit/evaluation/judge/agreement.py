"""How far a judge agrees with people, beyond what chance would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Floats, Need

Weights = Literal["none", "linear", "quadratic"]


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa over a table of pairs of labels: 1 for agreement, 0 for no more than chance.

    Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20,
    1960; with weights for ordered labels, Cohen, "Weighted kappa", Psychological Bulletin 70, 1968. It is
    not defined where both gave one and the same label throughout.

    Args:
        n_labels: how many labels there are, in order for weights.
        weights: how much a near miss counts: `none` as much as any, else by its distance or its square.

    >>> Kappa(2).of_table(np.array([[20, 5], [10, 15]]))
    0.4
    """

    n_labels: int
    weights: Weights = field(default="none", kw_only=True)
    name: str = field(default="kappa", kw_only=True)
    needs: frozenset[Need] = field(default=frozenset(), kw_only=True)

    def parts(self, case: Case) -> tuple[float, ...] | None:
        """None: a case alone has no two labels; rows are made by `pairs_of`."""
        return None

    def value(self, parts: Floats) -> float | None:
        """From the pairs, each as a row with a 1 in its place of the table."""
        found = self.weighted(parts, np.ones((1, len(parts))))[0]
        return None if np.isnan(found) else float(found)

    def of_table(self, table: NDArray[np.integer] | Floats) -> float | None:
        """From the counts of pairs, `[people, judge]`."""
        found = self._kappas(np.asarray(table, dtype=np.float64)[None])[0]
        return None if np.isnan(found) else round(float(found), 12)

    def weighted(self, parts: Floats, weights: Floats) -> Floats:
        """One value for each row of weights; NaN where it is not defined."""
        return self._kappas((weights @ parts).reshape(-1, self.n_labels, self.n_labels))

    def _kappas(self, tables: Floats) -> Floats:
        total = tables.sum(axis=(1, 2))
        rows, columns = tables.sum(axis=2), tables.sum(axis=1)
        chance = rows[:, :, None] * columns[:, None, :] / total[:, None, None]
        off = self._disagreement()
        seen, expected = (tables * off).sum(axis=(1, 2)), (chance * off).sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(expected > 1e-12 * total, 1 - seen / expected, np.nan)

    def _disagreement(self) -> Floats:
        apart = np.abs(np.subtract.outer(np.arange(self.n_labels), np.arange(self.n_labels))).astype(float)
        return {"none": (apart > 0).astype(float), "linear": apart, "quadratic": apart**2}[self.weights]


@dataclass(frozen=True, slots=True)
class BalancedAccuracy:
    """The mean share of each of people's labels that the judge recognises: 1 / labels is chance.

    Labels that people never gave are left out.

    >>> pairs = pairs_of([0, 0, 1], [0, 1, 1], n_labels=2)
    >>> BalancedAccuracy(2).value(pairs)
    0.75
    """

    n_labels: int
    name: str = field(default="balanced accuracy", kw_only=True)
    needs: frozenset[Need] = field(default=frozenset(), kw_only=True)

    def parts(self, case: Case) -> tuple[float, ...] | None:
        """None, as for `Kappa`."""
        return None

    def value(self, parts: Floats) -> float | None:
        """From the pairs, each as a row with a 1 in its place of the table."""
        return float(self.weighted(parts, np.ones((1, len(parts))))[0])

    def weighted(self, parts: Floats, weights: Floats) -> Floats:
        """One value for each row of weights."""
        tables = (weights @ parts).reshape(-1, self.n_labels, self.n_labels)
        given = tables.sum(axis=2)
        right = np.diagonal(tables, axis1=1, axis2=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(given > 0, right / given, np.nan)
        return np.asarray(np.nanmean(shares, axis=1))


def pairs_of(people: Sequence[int], judge: Sequence[int], n_labels: int) -> Floats:
    """Pairs of labels as rows with a 1 in their place of the table, `[n, n_labels ** 2]`."""
    parts = np.zeros((len(people), n_labels**2))
    parts[np.arange(len(people)), np.asarray(people) * n_labels + np.asarray(judge)] = 1.0
    return parts
