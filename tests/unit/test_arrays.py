"""Rankings of vectors: what ties, and in which order."""

import numpy as np

from ragkit.arrays import rank_cosines


def test_two_that_rounding_puts_above_one_tie_in_order_of_id() -> None:
    # Dividing by the length in float32 leaves lengths such as 1.0000001.
    longer, unit = np.array([[1.0000001, 0.0], [1.0, 0.0]], dtype=np.float32)
    assert longer[0] > 1.0

    order, scores = rank_cosines(unit, np.array([longer, unit]), np.array([b"b", b"a"]), 2)

    assert scores.tolist() == [1.0, 1.0]
    assert order.tolist() == [1, 0]
