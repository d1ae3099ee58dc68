"""Where cosine ranks as the index did, and what it changes where it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ragkit.errors import ImportRefusedError
from ragkit.ingest.imports.measure import measured, refuse_another_order, unit
from ragkit.protocols import Metric, Vectors


def vectors(lengths: Any = 1.0, n: int = 200) -> Vectors:
    found = np.random.default_rng(7).normal(size=(n, 16))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return (found * np.reshape(lengths, (-1, 1))).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "l2", "inner product", None])
@pytest.mark.parametrize("length", [1.0, 7.5])
def test_of_one_length_every_metric_ranks_alike(metric: Metric | None, length: float) -> None:
    found = measured(vectors(length), range(200), metric)
    refuse_another_order(found)
    assert found.overlap == 1.0
    assert found.longest == pytest.approx(length, rel=1e-3)


@pytest.mark.parametrize("metric", ["l2", "inner product", None])
def test_of_several_lengths_what_changes_is_counted(metric: Metric | None) -> None:
    lengths = np.linspace(0.3, 3.0, 200)
    found = measured(vectors(lengths), range(200), metric)
    assert found.overlap == pytest.approx(_overlap(vectors(lengths), metric), abs=1e-9)
    assert 0.05 < found.overlap < 0.9
    with pytest.raises(ImportRefusedError, match=r"0\.3 to 3 long.*say --accept-cosine"):
        refuse_another_order(found)


def _overlap(found: Vectors, metric: Metric | None) -> float:
    """The same by the words of the definition, one question at a time."""
    shares = []
    wide = found.astype(np.float64)
    for at in np.unique(np.linspace(0, 199, 64).astype(int)):
        asked = wide[at]
        own = [v @ asked if metric == "inner product" else -np.sum((v - asked) ** 2) for v in wide]
        cosine = [v @ asked / np.sqrt(v @ v) for v in wide]
        best = [set(np.argsort(-np.asarray(scores))[:10]) for scores in (own, cosine)]
        shares.append(len(best[0] & best[1]) / 10)
    return float(np.mean(shares))


def test_cosine_is_cosine_whatever_the_lengths() -> None:
    found = measured(vectors(np.linspace(0.3, 3.0, 200)), range(200), "cosine")
    refuse_another_order(found)
    assert found.overlap == 1.0


def test_rows_that_are_left_out_do_not_count() -> None:
    some = vectors(np.where(np.arange(200) < 100, 1.0, 9.0))
    assert measured(some, range(100), "l2").longest == pytest.approx(1.0, rel=1e-3)


def test_unit_vectors_have_length_1() -> None:
    made = unit(vectors(np.linspace(1e-3, 1e3, 200)))
    assert np.allclose(np.linalg.norm(made.astype(np.float64), axis=1), 1.0, atol=1e-6)
