"""What a measure is: a name, what it needs, and a value for each question, or for a set of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.case import Case

Floats = NDArray[np.float64]
Need = Literal["qrels", "evidence", "gold", "answers", "answerable", "reply", "context"]
"""What a measure needs: of the dataset judgements, evidence, one of these two (`gold`), accepted answers, or
whether a question can be answered at all; of the pipeline a reply or the passages that a generator read."""


class Unscored(Exception):  # noqa: N818  what is raised is no fault of the program
    """Raised by a measure for a question that it should have a value for and has none, such as a judge that
    could not be asked. It is counted as failed for that measure, and in no mean.

    >>> str(Unscored("the judge gave no verdict"))
    'the judge gave no verdict'
    """


@runtime_checkable
class RankedMetric(Protocol):
    """A measure of one query's ranking. `ranking.RankingMetric` is one; your own needs these two alone.

    >>> class Found:
    ...     name = "Found"
    ...
    ...     def score(self, ranked, judged):
    ...         return float(any(judged.get(document, 0) > 0 for document in ranked))
    >>> isinstance(Found(), RankedMetric)
    True
    """

    @property
    def name(self) -> str:
        """What its column is called: `nDCG@10`."""
        ...

    def score(self, ranked: Sequence[str], judged: Mapping[str, int]) -> float:
        """The value of one ranking.

        Args:
            ranked: document ids, best first, each once.
            judged: grades by document id; what is not in it was not judged.

        Returns:
            A finite number.
        """
        ...


@runtime_checkable
class Metric(Protocol):
    """A measure whose figure is the mean of its values, one for each question."""

    @property
    def name(self) -> str:
        """What its column is called: `answer.F1`."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """What dataset and pipeline must have. A suite that lacks it is refused before anything runs."""
        ...

    def of(self, case: Case) -> float | None:
        """The value of one question, a finite number; None where the measure says nothing about it, such
        as exact match where no answer is known: it is then in no mean, and not counted in n."""
        ...


@runtime_checkable
class SetMetric(Protocol):
    """A measure of a whole set that is no mean: an F1 of abstentions, an area under a curve, a percentile."""

    @property
    def name(self) -> str:
        """What its column is called: `abstention.F1`."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """As for `Metric`."""
        ...

    def parts(self, case: Case) -> tuple[float, ...] | None:
        """What one question adds, always as many numbers; None where it says nothing."""
        ...

    def value(self, parts: Floats) -> float | None:
        """The measure of all questions, from their parts (`[n, m]`); None where it is not defined, such as
        a precision of nothing. It is computed again for each resample of the questions."""
        ...


@runtime_checkable
class WeightedMetric(SetMetric, Protocol):
    """A `SetMetric` that takes many resamples in one step, which is what makes its interval cheap."""

    def weighted(self, parts: Floats, weights: Floats) -> Floats:
        """The measure of each resample; NaN where it is not defined.

        Args:
            parts: `[n, m]`, as for `value`.
            weights: `[r, n]`, how often each question was drawn.

        Returns:
            `[r]`; row `i` is `value` of the parts repeated by `weights[i]`.
        """
        ...
