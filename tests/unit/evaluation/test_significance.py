"""The randomisation test, Holm's correction and detectable differences."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.significance import (
    EXACT_UP_TO,
    detectable_difference,
    effect_size,
    holm,
    mcnemar_p,
    randomisation_p,
)


def test_few_differences_are_tested_exactly() -> None:
    differences = [0.3, -0.1, 0.4, 0.2, -0.05]
    reached = abs(sum(differences)) - 1e-12
    signs = list(product((1, -1), repeat=5))
    far = sum(
        abs(math.fsum(s * d for s, d in zip(sign, differences, strict=True))) >= reached for sign in signs
    )
    assert randomisation_p(differences) == far / len(signs)


def test_differences_of_zero_change_nothing() -> None:
    assert randomisation_p([0.3, 0.0, 0.4, 0.0, 0.2]) == randomisation_p([0.3, 0.4, 0.2]) == 2 / 8


def test_both_directions_count_alike() -> None:
    differences = np.random.default_rng(0).normal(0.1, 1, 60)
    assert randomisation_p(differences) == pytest.approx(randomisation_p(-differences), abs=0.02)


def test_drawn_patterns_give_about_the_exact_p() -> None:
    differences = np.random.default_rng(4).normal(0.25, 1, EXACT_UP_TO)
    # One more, too small to matter, so that patterns are drawn.
    drawn = randomisation_p([*differences, 1e-13])
    assert drawn == pytest.approx(randomisation_p(differences), abs=0.02)


def test_drawn_p_is_never_zero() -> None:
    assert randomisation_p([1.0] * 200) == 1 / 10_001
    assert randomisation_p(np.linspace(1, 2, 200)) == 1 / 10_001


def test_equal_differences_give_the_p_of_the_sign_test() -> None:
    as_far = 2 * sum(math.comb(120, heads) for heads in range(70, 121)) / 2**120
    assert randomisation_p([0.5] * 70 + [-0.5] * 50) == pytest.approx(as_far, abs=0.01)


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    generator = np.random.default_rng(2)
    alarms = sum(randomisation_p(generator.normal(0, 1, 12)) < 0.05 for _ in range(1_000))
    assert 30 <= alarms <= 72  # 5 % of 1,000, give or take what chance allows in 999 of 1,000 cases


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (9, 2), (30, 31), (400, 300), (2_000, 1_900)])
def test_mcnemar_is_the_exact_binomial_test(wins: int, losses: int) -> None:
    n = wins + losses
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        for k in range(n + 1)
    ]
    # As R's binom.test: all outcomes that are no more likely than the one seen.
    expected = math.fsum(math.exp(log) for log in logs if log <= logs[wins] + 1e-7)
    assert mcnemar_p(wins, losses) == pytest.approx(expected, rel=1e-6)


def test_mcnemar_is_the_randomisation_test_of_binary_values() -> None:
    assert mcnemar_p(12, 4) == pytest.approx(randomisation_p([1.0] * 12 + [-1.0] * 4), abs=1e-12)


def test_effect_size_by_hand() -> None:
    assert effect_size([1.0, 2.0, 3.0]) == 2.0  # mean 2, deviation 1
    assert effect_size([0.1, 0.1, 0.1]) is None
    assert effect_size([0.4]) is None


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_p_out_of_range_is_refused() -> None:
    with pytest.raises(EvalError, match="expected numbers from 0 to 1"):
        holm([0.1, math.nan])


def test_a_detectable_difference_is_found_in_four_of_five_cases() -> None:
    n, generator = 100, np.random.default_rng(5)
    least = detectable_difference(1.0, n)
    found = sum(randomisation_p(generator.normal(least, 1, n)) < 0.05 for _ in range(100))
    assert 67 <= found <= 92


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(EvalError, match="wins=-1, losses=0: expected counts of 0 or more"):
        mcnemar_p(-1, 0)
    with pytest.raises(EvalError, match="spread=-1, n=10"):
        detectable_difference(-1, 10)
