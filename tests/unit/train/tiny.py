"""A cross-encoder so small that a step takes a millisecond, and groups for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ragkit.train.cross_encoder import CrossEncoder, EncoderShape
from ragkit.train.groups import Group
from ragkit.train.pairs import TokenIds

SHAPE = EncoderShape(layers=2, heads=2, width=16, inner=32, words=200, positions=32)


def ids(*values: int) -> TokenIds:
    """Token ids."""
    return np.array(values, np.int32)


def model(seed: int = 0, *, reader: bool = False) -> CrossEncoder:
    """A model with random weights."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return CrossEncoder(SHAPE, reader=reader)


def groups(n: int, *, others: int = 5) -> list[Group]:
    """Groups that can be learnt: the relevant passage is of words that the others lack."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(n):
        word = 110 + number % 40
        made.append(
            Group(
                ids(word),
                (ids(*rng.integers(130, 149, 4).tolist()),),
                tuple(ids(*rng.integers(150, 190, 4).tolist()) for _ in range(others)),
            )
        )
    return made


def same(first: Sequence[TokenIds], second: Sequence[TokenIds]) -> bool:
    """Whether two lists of passages are equal."""
    return len(first) == len(second) and all(map(np.array_equal, first, second))
