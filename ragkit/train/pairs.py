"""Pairs of question and passage as rows of one batch, filled up to the longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TokenIds = NDArray[np.int32]

CLS, SEP = 101, 102  # of BERT's word list
MARKS = 3  # one [CLS] and two [SEP]
_ROUND_TO = 16  # lengths in a batch: fewer distinct shapes


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """Rows `[CLS] question [SEP] passage [SEP]`.

    Args:
        ids: token ids, int64 `[b, t]`, 0 where a row is filled up.
        segments: 1 from the passage on, int64 `[b, t]`.
        mask: true where a token is, bool `[b, t]`.
        passage_starts: where in its row a passage's first token is, int64 `[b]`.
    """

    ids: NDArray[np.int64]
    segments: NDArray[np.int64]
    mask: NDArray[np.bool_]
    passage_starts: NDArray[np.int64]


def pair_batch(
    pairs: Sequence[tuple[TokenIds, TokenIds]], *, max_tokens: int, max_query_tokens: int
) -> PairBatch:
    """The batch of `pairs`.

    A question over `max_query_tokens` loses its end, and so does a passage over the room that is left.
    """
    cut = []
    for question, passage in pairs:
        kept = question[:max_query_tokens]
        cut.append((kept, passage[: max_tokens - MARKS - len(kept)]))
    longest = max(len(question) + len(passage) for question, passage in cut) + MARKS
    width = min(max_tokens, -(-longest // _ROUND_TO) * _ROUND_TO)
    ids = np.zeros((len(cut), width), np.int64)
    segments, mask = np.zeros_like(ids), np.zeros(ids.shape, np.bool_)
    starts = np.empty(len(cut), np.int64)
    for row, (question, passage) in enumerate(cut):
        start = len(question) + 2
        end = start + len(passage) + 1
        ids[row, 0], ids[row, start - 1], ids[row, end - 1] = CLS, SEP, SEP
        ids[row, 1 : start - 1] = question
        ids[row, start : end - 1] = passage
        segments[row, start:end] = 1
        mask[row, :end] = True
        starts[row] = start
    return PairBatch(ids, segments, mask, starts)
