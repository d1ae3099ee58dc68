"""A BM25 index of some of another one's rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.store.bm25.postings import Postings


def keep(postings: Postings, stays: NDArray[np.bool_], first_row: int) -> Postings:
    """The rows for which `stays` (one flag per row) is true, in order, counted from `first_row` on.

    Terms that none of them holds are gone too: what is deleted must not live on in the vocabulary.

    >>> both = Postings.of([["cat"], ["dog", "cat"]], first_row=0)
    >>> keep(both, np.array([True, False]), first_row=5).of_term("cat").rows.tolist()
    [0]
    """
    left = stays[postings.rows]
    place = np.cumsum(stays) - 1
    n_of_term = np.diff(np.concatenate([[0], np.cumsum(left)])[postings.ends], prepend=0)
    words = [word for word, n in zip(postings.encoded_terms(), n_of_term, strict=True) if n]
    return Postings(
        first_row,
        np.frombuffer(b"".join(words), dtype=np.uint8),
        np.cumsum([len(word) for word in words], dtype=np.int64),
        np.cumsum(n_of_term[n_of_term > 0], dtype=np.int64),
        place[postings.rows[left]].astype(np.int32),
        postings.counts[left],
        postings.lengths[stays],
    )
