"""Rankings of vectors: what ties, and in which order."""

import numpy as np

from ragkit.arrays import rank_cosines


def test_two_that_rounding_puts_above_one_tie_in_order_of_id() -> None:
    # Of unit length in float32 as near as that goes, and yet its square is 1.0000001 there.
    random = np.random.default_rng(0)
    vectors = random.normal(size=(2000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    squares = np.einsum("ij,ij->i", vectors.astype(np.float64), vectors.astype(np.float64))
    above = vectors[np.argmax(squares)]
    below = above * np.float32(0.99999994)
    exact = np.array([above, below]).astype(np.float64) @ above.astype(np.float64)
    assert exact[0].astype(np.float32) > exact[1].astype(np.float32) >= 1.0  # else this proves nothing

    order, scores = rank_cosines(above, np.array([above, below]), np.array([b"b", b"a"]), 2)

    assert scores.tolist() == [1.0, 1.0]
    assert order.tolist() == [1, 0]
