"""Vectors of a passage's tokens as one bit for each number, and how well a question's tokens match them.

Of a number only its sign is kept. The cosine with a vector of signs is, where numbers are spread as a model's
are, the cosine with the vector itself times sqrt(2 / pi), give or take little in hundreds of dimensions. The
question's numbers are integers too, and sums of integers do not depend on their order: so a score is the
same, bit for bit, whatever it was computed with.

Source: Charikar, "Similarity Estimation Techniques from Rounding Algorithms" (STOC 2002), with one of the two
sides not rounded.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.models.bit_products import products

QUERY_LEVELS = 127
_FORM = "signs 1"
# Bytes: of more at a time zlib gives back the interpreter's lock, which costs those who wait for it, and then
# this passage, more than the sum takes.
_CHECKED_AT_ONCE = 5000

Codes = NDArray[np.uint8]
Numbers = NDArray[np.float32]


def packed(vectors: Numbers) -> Codes:
    """The signs of vectors `[n, d]`, eight to a byte, shape `[n, d / 8]`, rounded up."""
    return np.packbits(vectors > 0, axis=1)


class Question:
    """The tokens of a question, to be compared with passages.

    Args:
        vectors: shape `[q, d]`, of any length but 0.
        weights: at least 0, shape `[q]`.
    """

    def __init__(self, vectors: Numbers, weights: Numbers) -> None:
        largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0.0), 1e-12)
        levels = np.rint(vectors * (QUERY_LEVELS / largest))
        self._width = vectors.shape[1]
        self._levels = np.ascontiguousarray(levels.T.astype(np.int8))
        self._sums = levels.sum(axis=1)
        length = np.sqrt(np.square(levels).sum(axis=1) * (2 / np.pi * self._width))
        total = float(weights.sum())
        shares = weights / (total * np.maximum(length, 1)) if total > 0 else np.zeros_like(weights)
        self._shares = shares.astype(np.float32)

    def match(self, passages: Sequence[Codes]) -> Numbers:
        """For each passage the mean over the question's tokens, by their weights, of the best cosine with one
        of its tokens, shape `[n]`; 0 where one of the two has no token.

        >>> vectors = np.random.default_rng(0).normal(size=(3, 384)).astype(np.float32)
        >>> question = Question(vectors[:2], np.array([3.0, 1.0], np.float32))
        >>> [f"{cosine:.1f}" for cosine in question.match([packed(vectors[1:]), packed(vectors)])]
        ['0.3', '1.0']
        """
        found = np.zeros(len(passages), np.float32)
        there = [i for i, passage in enumerate(passages) if len(passage)]
        if not there or not len(self._shares):
            return found
        bits = np.unpackbits(np.concatenate([passages[i] for i in there]), axis=1, count=self._width)
        starts = np.cumsum([0, *(len(passages[i]) for i in there[:-1])])
        # A sign is twice its bit less one, and the best of all is best whatever is added to all.
        best = np.maximum.reduceat(products(bits, self._levels), starts, axis=0).astype(np.float32)
        found[there] = ((2 * best - self._sums) * self._shares).sum(axis=1)
        return found


class Reading:
    """What a model read in a passage, as bytes that know which model and which text they belong to.

    8 bytes of the model's mark, 4 of a checksum over text and codes, then the codes.

    >>> reading = Reading("a model", width=384)
    >>> kept = reading.sealed(packed(np.ones((2, 384), np.float32)), "two words")
    >>> len(kept), reading.opened(kept, "two words").shape, reading.opened(kept, "two others")
    (108, (2, 48), None)

    Args:
        model: the fingerprint of what made the vectors.
        width: numbers of a vector.
    """

    def __init__(self, model: str, *, width: int) -> None:
        form = f"{_FORM} {width} {model}"
        self.mark = hashlib.sha256(form.encode()).digest()[:8]
        self._bytes = -(-width // 8)

    def sealed(self, codes: Codes, text: str) -> bytes:
        """The bytes to keep of a text's codes, shape `[n, width / 8]`."""
        data = codes.tobytes()
        return self.mark + _checksum(data, text) + data

    def opened(self, kept: bytes | None, text: str) -> Codes | None:
        """The codes; None where there are none, or they are another model's or text's, or are damaged."""
        if kept is None or kept[:8] != self.mark or (len(kept) - 12) % self._bytes:
            return None
        data = memoryview(kept)[12:]
        if kept[8:12] != _checksum(data, text):
            return None
        return np.frombuffer(data, np.uint8).reshape(-1, self._bytes)


def _checksum(data: bytes | memoryview, text: str) -> bytes:
    found = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    for start in range(0, len(data), _CHECKED_AT_ONCE):
        found = zlib.crc32(data[start : start + _CHECKED_AT_ONCE], found)
    return found.to_bytes(4, "big")
