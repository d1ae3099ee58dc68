"""An inverted index over consecutive rows: for each term, the rows that hold it and how often.

Immutable. One is written per commit; small neighbours are merged, so that n rows lie in O(log n) of them, and
in one more for every hundred thousand or so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptIndexError
from ragkit.protocols import TermRows

_MAGIC = b"ragkit postings 1\n"
_ALIGN = 64
# Postings of a merged segment: some 100,000 passages, and some 300 MB while they are merged.
MAX_MERGED = 8_000_000
_ARRAYS = {"words": np.uint8, "word_ends": np.int64, "ends": np.int64, "rows": np.int32, "counts": np.int32,
           "lengths": np.int32}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Postings:
    """Terms of the rows `first_row … first_row + len(lengths)`.

    Args:
        words: the distinct terms as UTF-8, one after the other, in order of their bytes; uint8.
        word_ends: where each term ends in `words`, shape `[t]`.
        ends: where each term's postings end, shape `[t]`.
        rows: rows that hold each term, ascending, counted from `first_row`, shape `[p]`.
        counts: how often, shape `[p]`.
        lengths: terms in each row, repeats included.

    >>> Postings.of([["a", "b", "a"], ["b"]], first_row=0).of_term("b").rows.tolist()
    [0, 1]
    """

    first_row: int
    words: NDArray[np.uint8]
    word_ends: NDArray[np.int64]
    ends: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.int32]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]], first_row: int) -> Postings:
        """The index of analysed texts, one list of terms per row."""
        counters = [Counter(terms) for terms in texts]
        codes: dict[str, int] = {}
        n = sum(map(len, counters))
        code = np.fromiter(
            (codes.setdefault(t, len(codes)) for c in counters for t in c), dtype=np.int64, count=n
        )
        count = np.fromiter(chain.from_iterable(c.values() for c in counters), dtype=np.int32, count=n)
        row = np.repeat(np.arange(len(texts), dtype=np.int32), [len(c) for c in counters])
        lengths = np.array([len(terms) for terms in texts], dtype=np.int32)
        return cls.counted(list(codes), code, row, count, lengths=lengths, first_row=first_row)

    @classmethod
    def counted(
        cls,
        terms: Sequence[str],
        code: NDArray[np.int64],
        row: NDArray[np.int32],
        count: NDArray[np.int32],
        *,
        lengths: NDArray[np.int32],
        first_row: int,
    ) -> Postings:
        """The index of terms that are counted already.

        Args:
            terms: the distinct terms, in any order; each occurs somewhere.
            code: which term occurs, by its place in `terms`, shape `[p]`.
            row: in which row, counted from `first_row`, ascending, shape `[p]`.
            count: how often, shape `[p]`.
            lengths: terms in each row, repeats included.
            first_row: the first of the rows.

        >>> Postings.counted(
        ...     ["b", "a"], np.array([0, 1]), np.array([0, 3]), np.array([1, 2]),
        ...     lengths=np.array([1, 0, 0, 2]), first_row=0,
        ... ).of_term("a").rows.tolist()
        [3]
        """
        encoded = [_utf8(t) for t in terms]
        places = sorted(range(len(encoded)), key=encoded.__getitem__)
        rank = np.empty(len(encoded), dtype=np.int64)
        rank[places] = np.arange(len(encoded))
        ordered, words = rank[code], [encoded[place] for place in places]
        order = np.argsort(ordered, kind="stable")
        return cls(
            first_row,
            np.frombuffer(b"".join(words), dtype=np.uint8),
            np.cumsum([len(w) for w in words], dtype=np.int64),
            np.cumsum(np.bincount(ordered, minlength=len(words)), dtype=np.int64),
            row[order],
            count[order],
            lengths,
        )

    @property
    def n_postings(self) -> int:
        """How many (term, row) pairs it holds."""
        return len(self.rows)

    @cached_property
    def _codes(self) -> dict[bytes, int]:
        return {word: code for code, word in enumerate(self.encoded_terms())}

    def encoded_terms(self) -> Iterator[bytes]:
        """The terms in UTF-8, in order."""
        blob, start = self.words.tobytes(), 0
        for end in self.word_ends.tolist():
            yield blob[start:end]
            start = end

    def of_term(self, term: str) -> TermRows:
        """Where a term occurs; nowhere if it is unknown."""
        code = self._codes.get(_utf8(term))
        if code is None:
            return TermRows(self.rows[:0], self.counts[:0])
        start, end = int(self.ends[code - 1]) if code else 0, int(self.ends[code])
        return TermRows(self.rows[start:end], self.counts[start:end])

    def items(self) -> Iterator[tuple[str, TermRows]]:
        """All terms with the rows that hold them, in order of their bytes."""
        start = 0
        for word, end in zip(self.encoded_terms(), self.ends.tolist(), strict=True):
            yield (
                word.decode("utf-8", "surrogatepass"),
                TermRows(self.rows[start:end], self.counts[start:end]),
            )
            start = end

    def parts(self) -> list[bytes | memoryview]:
        """The index as a file's bytes, for `files.write_new`."""
        arrays = {name: np.ascontiguousarray(getattr(self, name), dtype) for name, dtype in _ARRAYS.items()}
        head = json.dumps({"first_row": self.first_row, "sizes": {n: len(a) for n, a in arrays.items()}})
        out: list[bytes | memoryview] = [_padded(_MAGIC + head.encode() + b"\n")]
        for array in arrays.values():
            out.append(_padded(array.tobytes()))
        return out

    @classmethod
    def open(cls, path: Path) -> Postings:
        """Maps a file that `parts` gave the bytes of.

        Raises:
            CorruptIndexError: the file is not what `parts` gave.
        """
        try:
            data = np.memmap(path, dtype=np.uint8, mode="r")
            header_end = data[:4096].tobytes().index(b"\n", len(_MAGIC)) + 1
            head = json.loads(data[len(_MAGIC) : header_end].tobytes())
            offset, arrays = _aligned(header_end), {}
            for name, dtype in _ARRAYS.items():
                size = head["sizes"][name] * np.dtype(dtype).itemsize
                # A plain array over the map: indexing a memmap object costs a microsecond more each time.
                arrays[name] = np.asarray(data[offset : offset + size]).view(dtype).view(np.ndarray)
                if len(arrays[name]) != head["sizes"][name]:
                    raise ValueError("the file is too short")
                offset = _aligned(offset + size)
            return cls(head["first_row"], **arrays)
        except (ValueError, KeyError, TypeError) as e:
            raise CorruptIndexError(f"{path}: not a postings file ({e})") from e


def merge(segments: Sequence[Postings]) -> Postings:
    """One index for several that lie side by side, in order of rows."""
    words = sorted(set().union(*(s.encoded_terms() for s in segments)))
    codes = {word: code for code, word in enumerate(words)}
    maps = [np.array([codes[w] for w in s.encoded_terms()], dtype=np.int64) for s in segments]
    sizes = np.zeros(len(words), dtype=np.int64)
    for segment, code in zip(segments, maps, strict=True):
        sizes[code] += np.diff(segment.ends, prepend=0)
    ends = np.cumsum(sizes)
    rows, counts = (np.empty(int(sizes.sum()), dtype=np.int32) for _ in range(2))
    free, base = ends - sizes, segments[0].first_row
    for segment, code in zip(segments, maps, strict=True):
        size = np.diff(segment.ends, prepend=0)
        target = np.repeat(free[code] - (segment.ends - size), size) + np.arange(segment.n_postings)
        rows[target] = segment.rows + (segment.first_row - base)
        counts[target] = segment.counts
        free[code] += size
    return Postings(
        base,
        np.frombuffer(b"".join(words), dtype=np.uint8),
        np.cumsum([len(w) for w in words], dtype=np.int64),
        ends,
        rows,
        counts,
        np.concatenate([s.lengths for s in segments]),
    )


def n_to_merge(existing: Sequence[int], new: int, most: int = MAX_MERGED) -> int:
    """How many of the last segments to merge with a new one, given the size of each (postings, or rows).

    One is merged when it is less than twice as large as what follows it: sizes then at least halve from
    each segment to the next, and a posting is rewritten O(log n) times in its life. What would become larger
    than `most` stays as it is, so that a merge takes the same memory at any size of the index.
    """
    taken = 0
    for size in reversed(existing):
        if size >= 2 * new or size + new > most:
            break
        new, taken = new + size, taken + 1
    return taken


def _utf8(term: str) -> bytes:
    return term.encode("utf-8", "surrogatepass")


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


def _padded(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data)), b"\0")
