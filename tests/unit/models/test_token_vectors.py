"""Signs of token vectors: near the cosine, the same bit for bit in any company, and never another's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.models.token_vectors import Codes, Numbers, Question, Reading, packed

WIDTH = 384


def vectors(n: int, seed: int) -> Numbers:
    return np.random.default_rng(seed).normal(size=(n, WIDTH)).astype(np.float32)


def question(n: int, seed: int = 0) -> Question:
    return Question(vectors(n, seed), np.linspace(0.1, 1, n, dtype=np.float32))


def test_the_match_of_signs_is_near_that_of_the_vectors() -> None:
    asked, read = vectors(12, 1), vectors(150, 2)
    read[40:46] = asked[:6] + 0.5 * vectors(6, 3)  # some that are alike
    weights = np.linspace(0.1, 1, 12, dtype=np.float32)
    cosines = (asked / np.linalg.norm(asked, axis=1)[:, None]) @ (
        read / np.linalg.norm(read, axis=1)[:, None]
    ).T
    exact = float(cosines.max(axis=1) @ weights / weights.sum())
    assert Question(asked, weights).match([packed(read)])[0] == pytest.approx(exact, abs=0.03)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(1, 20), st.randoms())
def test_a_match_is_the_same_bit_for_bit_in_any_company(
    sizes: list[int], n_asked: int, random: object
) -> None:
    passages: Sequence[Codes] = [packed(vectors(size, seed)) for seed, size in enumerate(sizes)]
    asked = question(n_asked)
    alone = [float(asked.match([passage])[0]) for passage in passages]
    assert asked.match(passages).tolist() == alone
    assert asked.match([*passages, *reversed(passages)]).tolist() == [*alone, *reversed(alone)]
    assert all(score == 0.0 for score, size in zip(alone, sizes, strict=True) if size == 0)


def test_what_has_no_token_or_no_weight_matches_nothing() -> None:
    some = [packed(vectors(3, 5))]
    assert question(0).match(some).tolist() == [0.0]
    assert Question(vectors(2, 1), np.zeros(2, np.float32)).match(some).tolist() == [0.0]
    assert question(2).match([]).shape == (0,)


@given(st.text(max_size=20), st.integers(0, 9), st.data())
def test_a_reading_with_one_wrong_bit_is_none(text: str, n: int, data: st.DataObject) -> None:
    reading = Reading("model", width=WIDTH)
    kept = reading.sealed(packed(vectors(n, 7)), text)
    opened = reading.opened(kept, text)
    assert opened is not None
    np.testing.assert_array_equal(opened, packed(vectors(n, 7)))
    bit = data.draw(st.integers(0, 8 * len(kept) - 1))
    damaged = bytearray(kept)
    damaged[bit // 8] ^= 1 << bit % 8
    assert reading.opened(bytes(damaged), text) is None
    assert reading.opened(kept[: bit // 8], text) is None


def test_a_reading_of_another_text_model_or_width_is_none() -> None:
    kept = Reading("model", width=WIDTH).sealed(packed(vectors(4, 7)), "text")
    assert Reading("model", width=WIDTH).opened(kept, "texT") is None
    assert Reading("other", width=WIDTH).opened(kept, "text") is None
    assert Reading("model", width=WIDTH // 2).opened(kept, "text") is None
    assert Reading("model", width=WIDTH).opened(None, "text") is None
    assert Reading("model", width=WIDTH).opened(b"", "text") is None
