"""Which documents a run has seen, in 24 bytes each: a corpus of a million must fit beside its index."""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass
from hashlib import blake2b

_FIRST_SIZE = 1 << 10


@dataclass(frozen=True, slots=True)
class Earlier:
    """The document of a run that an id belongs to: a mark of its content, and its number, from 1."""

    mark: int
    n: int


class Seen:
    """A set of ids, each with the document that has it, as a table of 64-bit digests.

    Digests are salted by run. Two of a million ids share one with a probability of 3e-8 in a run; then one
    of them is reported as used twice, and the next run takes it.

    >>> seen = Seen()
    >>> (seen.add("a"), seen.add("a"), "a" in seen, "b" in seen)
    (True, False, True, False)
    """

    def __init__(self) -> None:
        self._salt = os.urandom(16)
        self._n = 0
        self._keys, self._marks, self._numbers = _table(_FIRST_SIZE)

    def __len__(self) -> int:
        return self._n

    def __contains__(self, document_id: str) -> bool:
        return self._keys[self._slot(self._digest(document_id))] != 0

    def add(self, document_id: str) -> bool:
        """Notes an id; says whether it is new."""
        key = self._digest(document_id)
        slot = self._slot(key)
        if self._keys[slot]:
            return False
        self._keys[slot] = key
        self._n += 1
        if 3 * self._n > 2 * len(self._keys):
            self._grow()
        return True

    def decide(self, document_id: str, content: str, n: int) -> None:
        """Gives an id to the `n`-th document of the run, with this content."""
        self.add(document_id)
        slot = self._slot(self._digest(document_id))
        self._marks[slot], self._numbers[slot] = self.mark(content), n

    def earlier(self, document_id: str) -> Earlier | None:
        """The document that the id was given to, if it was."""
        slot = self._slot(self._digest(document_id))
        mark = self._marks[slot]
        return Earlier(mark, self._numbers[slot]) if mark else None

    def mark(self, content: str) -> int:
        """What tells this content from another."""
        return self._digest(content)

    def _digest(self, text: str) -> int:
        data = text.encode("utf-8", "surrogatepass")
        # 0 stands for an empty place of the table.
        return int.from_bytes(blake2b(data, digest_size=8, key=self._salt).digest(), "big") or 1

    def _slot(self, key: int) -> int:
        keys, last = self._keys, len(self._keys) - 1
        slot = key & last
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        old = (self._keys, self._marks, self._numbers)
        self._keys, self._marks, self._numbers = _table(2 * len(self._keys))
        for key, mark, number in zip(*old, strict=True):
            if key:
                slot = self._slot(key)
                self._keys[slot], self._marks[slot], self._numbers[slot] = key, mark, number


def _table(size: int) -> tuple[array[int], array[int], array[int]]:
    return array("Q", bytes(8 * size)), array("Q", bytes(8 * size)), array("Q", bytes(8 * size))
