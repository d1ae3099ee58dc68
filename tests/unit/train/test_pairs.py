"""Rows of a batch."""

from __future__ import annotations

import numpy as np

from ragkit.train.pairs import pair_batch


def test_a_row_is_question_and_passage_with_their_marks() -> None:
    batch = pair_batch(
        [(np.array([7, 8], np.int32), np.array([9], np.int32))], max_tokens=6, max_query_tokens=3
    )
    assert batch.ids.tolist() == [[101, 7, 8, 102, 9, 102]]
    assert batch.segments.tolist() == [[0, 0, 0, 0, 1, 1]]
    assert batch.mask.all()
    assert batch.passage_starts.tolist() == [4]


def test_a_long_question_and_a_long_passage_lose_their_ends() -> None:
    question, passage = np.arange(200, 210, dtype=np.int32), np.arange(300, 310, dtype=np.int32)
    batch = pair_batch([(question, passage)], max_tokens=8, max_query_tokens=2)
    assert batch.ids.tolist() == [[101, 200, 201, 102, 300, 301, 302, 102]]


def test_shorter_rows_are_filled_up_and_masked() -> None:
    short, long = np.array([5], np.int32), np.arange(300, 320, dtype=np.int32)
    batch = pair_batch([(short, short), (short, long)], max_tokens=64, max_query_tokens=8)
    assert batch.ids.shape == (2, 32)
    assert batch.mask.sum(axis=1).tolist() == [5, 24]
    assert not batch.ids[0, 5:].any()
    assert not batch.segments[0, 5:].any()
