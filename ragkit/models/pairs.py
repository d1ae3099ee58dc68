"""A query and a passage as one row of tokens, and a long passage as several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ModelError
from ragkit.models.manifest import PAIR_SPECIAL_TOKENS, WINDOW_OVERLAP
from ragkit.models.tokenizer import TextTokenizer


@dataclass(frozen=True, slots=True)
class Pair:
    """One row for a cross-encoder.

    Args:
        ids: `[CLS] query [SEP] passage [SEP]`.
        passage: number of the passage among the texts; the windows of a long one share it.
        passage_start: index in `ids` of the passage's first token, where the second segment starts.
    """

    ids: list[int]
    passage: int
    passage_start: int

    def __len__(self) -> int:
        return len(self.ids)


class PairEncoder:
    """Makes pairs of a query and passages, none longer than the model reads.

    The query loses what is over its first `max_query_tokens` tokens. A passage longer than the room that is
    left is cut into windows of that room, each beginning 32 tokens before the end of the one before; the
    last ends where the passage ends. An empty or blank passage is a pair as well, with nothing in its
    second segment but the end. Lone surrogates count as U+FFFD.

    Args:
        tokenizer: the model's, which frames a text by one start and one end.
        max_tokens: of a pair, the three special ones included.
        max_query_tokens: of the query.

    Raises:
        ModelError: the tokenizer frames a text in another way.
    """

    def __init__(self, tokenizer: TextTokenizer, *, max_tokens: int, max_query_tokens: int) -> None:
        frame = tokenizer.encode([""], max_tokens=max_tokens)[0]
        if len(frame) != 2:
            raise ModelError(
                f"the tokenizer puts {len(frame)} tokens around a text, a reranker's puts one before and one "
                "after it. Convert the model again with a BERT tokenizer."
            )
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._max_query_tokens = max_query_tokens
        self._start, self._end = frame

    def encode(self, query: str, passages: Sequence[str]) -> list[Pair]:
        """At least one pair for each passage, in the order of the passages."""
        asked, *read = self._tokenizer.pieces([query, *passages])
        head = [self._start, *asked[: self._max_query_tokens], self._end]
        room = self._max_tokens - PAIR_SPECIAL_TOKENS - (len(head) - 2)
        return [
            Pair([*head, *piece, self._end], number, len(head))
            for number, ids in enumerate(read)
            for piece in windows(ids, room)
        ]


def windows(ids: list[int], room: int) -> Iterator[list[int]]:
    """`ids` itself if it has no more than `room` tokens, else pieces of `room` tokens that overlap by 32.

    >>> [(piece[0], piece[-1]) for piece in windows(list(range(100)), 50)]
    [(0, 49), (18, 67), (36, 85), (50, 99)]
    """
    last = max(0, len(ids) - room)
    for start in range(0, last, room - WINDOW_OVERLAP):
        yield ids[start : start + room]
    yield ids[last : last + room]


def pair_arrays(pairs: Sequence[Pair]) -> dict[str, NDArray[np.int64]]:
    """What the model takes for pairs of one length: `input_ids` and `segments`, int64 `[n, tokens]`."""
    ids = np.array([pair.ids for pair in pairs], np.int64)
    starts = np.array([pair.passage_start for pair in pairs])
    segments = (np.arange(ids.shape[1]) >= starts[:, None]).astype(np.int64)
    return {"input_ids": ids, "segments": segments}
