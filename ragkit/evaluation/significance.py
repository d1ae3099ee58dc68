"""Is a difference more than chance? A paired test, its correction for many, and what can be detected."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from ragkit.errors import EvalError
from ragkit.evaluation.bootstrap import CONFIDENCE, RESAMPLES, WORTH_COUNTING, Floats, blocks, finite

EXACT_UP_TO = 20
_NORMAL = NormalDist()


def randomisation_p(differences: Sequence[float] | Floats, *, seed: int = 0) -> float:
    """The two-sided p of the paired randomisation test: how often signs dealt at random move the mean as far.

    Exact, over all sign patterns, with up to 20 differences other than 0. With more, 10,000 patterns are
    drawn and p is (as far + 1) / (drawn + 1), which is never 0: Phipson and Smyth, "Permutation p-values
    should never be zero", 2010. The test for retrieval: Smucker, Allan and Carterette, CIKM 2007.

    Raises:
        EvalError: there is no difference, or one is no finite number.

    >>> randomisation_p([0.1, 0.2, 0.3])
    0.25
    """
    array = finite(differences, 0)
    array = array[array != 0]
    if not len(array):
        return 1.0
    # Sums of the same numbers in another order may differ in their last digits.
    reached = abs(float(array.sum())) - 1e-10 * float(np.abs(array).sum())
    if len(array) <= EXACT_UP_TO:
        sums = np.zeros(1)
        for value in array:
            sums = np.concatenate((sums + value, sums - value))
        return float((np.abs(sums) >= reached).mean())
    n_far = sum(int((np.abs(sums) >= reached).sum()) for sums in _dealt(array, np.random.default_rng(seed)))
    return (n_far + 1) / (RESAMPLES + 1)


def mcnemar_p(wins: int, losses: int) -> float:
    """The two-sided p of the exact McNemar test: how often a fair coin falls as unevenly.

    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12(2), 1947, with the binomial distribution instead of its approximation. For values of 0
    and 1 it is the randomisation test itself, over all sign patterns, at any n.

    Args:
        wins, losses: pairs in which the one, or the other, is right alone.

    Raises:
        EvalError: a count is below 0.

    >>> mcnemar_p(5, 0), mcnemar_p(3, 3)
    (0.0625, 1.0)
    """
    if wins < 0 or losses < 0:
        raise EvalError(f"wins={wins}, losses={losses}: expected counts of 0 or more")
    n, fewer = wins + losses, min(wins, losses)
    below = sum(math.comb(n, k) for k in range(fewer + 1))
    # Whole numbers to the end: 2**n is beyond a float from n = 1,024 on.
    return min(1.0, float(Fraction(2 * below, 2**n)))


def effect_size(differences: Sequence[float] | Floats) -> float | None:
    """The standardised mean difference of pairs, d_z: their mean by their own standard deviation.

    Cohen, "Statistical Power Analysis", 1988, section 2.3.5 (n - 1 in the deviation). By his convention 0.2
    is small, 0.5 medium, 0.8 large. It does not depend on n, as p does; but systems that rank alike have
    small deviations, so it is no size of a gain: read it beside the mean. None where the differences are all
    the same or there is one.

    >>> effect_size([1.0, 2.0, 3.0])
    2.0
    """
    array = finite(differences, 0)
    spread = float(array.std(ddof=1)) if len(array) > 1 else 0.0
    mean = float(array.mean())
    return mean / spread if spread > 1e-12 * max(1.0, abs(mean)) else None


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values, corrected for there being several: Holm, "A simple sequentially rejective multiple test
    procedure", Scandinavian Journal of Statistics 6, 1979. In the order given, at most 1.

    Raises:
        EvalError: one is not in [0, 1].

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise EvalError(f"p values {list(p_values)}: expected numbers from 0 to 1")
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = largest
    return corrected


def detectable_difference(
    spread: float, n: int, *, power: float = 0.8, alpha: float = 1 - CONFIDENCE
) -> float:
    """The least true difference that a paired test on `n` queries finds with this power.

    (z(1 - alpha/2) + z(power)) · spread / √n: Cohen, "Statistical Power Analysis", 1988, chapter 2, by the
    normal distribution; below about 30 queries it is too low.

    Args:
        spread: the standard deviation of the differences.
        n: queries.
        power: the share of cases in which it is to be found.
        alpha: the p that counts as found.

    Raises:
        EvalError: an argument is out of its range.

    >>> round(detectable_difference(0.3, 300), 3)
    0.049
    """
    if n < 1 or not 0 <= spread < math.inf or not 0 < power < 1 or not 0 < alpha < 1:
        raise EvalError(
            f"spread={spread}, n={n}, power={power}, alpha={alpha}: "
            "expected spread >= 0, n >= 1, power and alpha between 0 and 1"
        )
    return (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)) * spread / math.sqrt(n)


def _dealt(array: Floats, generator: np.random.Generator) -> Iterator[Floats]:
    """Sums of the values with signs dealt at random, in blocks."""
    values, counts = np.unique(np.abs(array), return_counts=True)
    few = len(values) * WORTH_COUNTING <= len(array)
    for size in blocks(len(values) if few else len(array)):
        if few:
            yield (2.0 * generator.binomial(counts, 0.5, (size, len(counts))) - counts) @ values
        else:
            yield 2.0 * (_coins(size, len(array), generator) @ array) - array.sum()


def _coins(size: int, n: int, generator: np.random.Generator) -> Floats:
    """0 or 1 at random, `[size, n]`: bit by bit, which is five times as fast as number by number."""
    n_bytes = -(-n // 8)
    drawn = np.frombuffer(generator.bytes(size * n_bytes), dtype=np.uint8).reshape(size, n_bytes)
    return np.unpackbits(drawn, axis=1, count=n).astype(np.float64)
