"""Which texts say nearly the same, and which documents are copies or versions of one another."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ragkit.types import Chunk

_WORD = re.compile(r"\w+")
_SHINGLE = 5  # words in a row
_TWIN_SHARE = 0.5  # of the word sequences of the shorter text
_COPY_SHARE = 0.5  # of the passages of either document


class Twins:
    """Texts, to be asked whether another one says nearly the same as one of them.

    Twins share half of the word sequences of the shorter one.

    >>> Twins(["It lasts two years in all."]).hold("We say: it lasts two years in all")
    True
    >>> Twins(["It lasts two years in all."]).hold("It lasts two days")
    False
    """

    def __init__(self, texts: Sequence[str]) -> None:
        codes = [_codes(text) for text in texts]
        self._sizes = np.array([len(one) for one in codes], dtype=np.int64)
        every = np.concatenate([np.zeros(0, np.uint32), *codes])
        order = np.argsort(every, kind="stable")
        self._codes = every[order]
        self._owners = np.repeat(np.arange(len(codes)), self._sizes)[order]

    def of(self, text: str) -> list[int]:
        """The numbers of the texts that are twins of this one."""
        own = _codes(text)
        low, high = (np.searchsorted(self._codes, own, side) for side in ("left", "right"))
        held = [self._owners[a:b] for a, b in zip(low.tolist(), high.tolist(), strict=True) if a < b]
        if not held:
            return []
        owners, shared = np.unique(np.concatenate(held), return_counts=True)
        enough = shared >= _TWIN_SHARE * np.minimum(len(own), self._sizes[owners])
        return [int(number) for number in owners[enough]]

    def hold(self, text: str) -> bool:
        """Whether one of the texts is a twin of this one."""
        return bool(self.of(text))


def copies(documents: Sequence[str], passages_of: Callable[[str], Sequence[Chunk]]) -> list[tuple[str, str]]:
    """Pairs of documents of which each has a twin in the other for half of its passages or more."""
    texts = {document: [chunk.text for chunk in passages_of(document)] for document in documents}
    owners = [document for document, some in texts.items() for _ in some]
    twins = Twins([text for some in texts.values() for text in some])
    covered: set[tuple[str, str]] = set()
    for document, some in texts.items():
        counts = Counter(other for text in some for other in {owners[number] for number in twins.of(text)})
        covered |= {(document, other) for other, n in counts.items() if n >= _COPY_SHARE * len(some)}
    return sorted((one, other) for one, other in covered if one < other and (other, one) in covered)


@lru_cache(maxsize=10_000)  # the first stage finds the same passages again and again
def _codes(text: str) -> NDArray[np.uint32]:
    """A number for each five words in a row, each once; for a shorter text one for all its words."""
    words = _WORD.findall(text.lower())
    n = max(1, len(words) - _SHINGLE + 1) if words else 0
    sequences = (" ".join(words[i : i + _SHINGLE]).encode("utf-8", "surrogatepass") for i in range(n))
    return np.unique(np.fromiter(map(zlib.crc32, sequences), dtype=np.uint32, count=n))
