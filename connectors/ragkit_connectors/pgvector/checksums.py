"""What a chunk's vector and its counts of terms are recognised by, should somebody else change them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from ragkit.protocols import Vectors
from ragkit_connectors.pgvector.encoding import term_key


def checksum_of_vector(vector: Vectors) -> int:
    """CRC-32 of a vector's float32 numbers, least significant byte first."""
    return zlib.crc32(np.asarray(vector, dtype="<f4").tobytes())


def checksum_of_terms(counts: Mapping[str, int]) -> int:
    """The sum of each term's CRC-32 as often as the chunk holds it: the same in any order.

    >>> checksum_of_terms({"a": 1, "b": 2}) == checksum_of_terms({"a": 2, "b": 1})
    False
    """
    return sum(_of_term(term) * n for term, n in counts.items())


def checksum_of_key(key: bytes) -> int:
    """CRC-32 of a term as the table holds it."""
    return zlib.crc32(key)


@lru_cache(maxsize=100_000)
def _of_term(term: str) -> int:
    return checksum_of_key(term_key(term))
