"""Vectors that were found one by one → one array, and which of them are not of its dimension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ragkit.fields import shown
from ragkit.protocols import Vectors


def stacked(rows: Sequence[Any]) -> tuple[Vectors, dict[int, str]]:
    """The rows as an array of the dimension that most of them have, and what is wrong with the others.

    Args:
        rows: lists of numbers, arrays, or None where there is no vector.

    Returns:
        Shape `[n, d]`, with zeros for a row that is wrong, and the problem of each of those by its number.

    >>> vectors, problems = stacked([[1, 0], [1, 2, 3], None, [0, 1]])
    >>> vectors.tolist(), problems[1]
    ([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]], 'its vector has 3 numbers, and those of most have 2')
    """
    lengths = Counter(len(row) for row in rows if _is_vector(row))
    dimension = max(lengths, key=lambda n: (lengths[n], n)) if lengths else 0
    vectors, problems = np.zeros((len(rows), dimension), np.float32), dict[int, str]()
    for n, row in enumerate(rows):
        if row is None or (_is_vector(row) and not len(row)):
            problems[n] = "it has no vector"
        elif not _is_vector(row):
            problems[n] = f"its vector is {shown(row, 40)}: expected a list of numbers"
        elif len(row) != dimension:
            problems[n] = f"its vector has {len(row)} numbers, and those of most have {dimension}"
        else:
            try:
                # Numpy would read a text as the number that it spells. Beyond float32 is infinity, which the
                # check of the vectors reports.
                if not isinstance(row, np.ndarray) and any(isinstance(value, str | bytes) for value in row):
                    raise TypeError
                with np.errstate(over="ignore"):
                    vectors[n] = row
            except (TypeError, ValueError, OverflowError):
                problems[n] = "its vector holds something that is no number"
    return vectors, problems


def _is_vector(row: Any) -> bool:
    return isinstance(row, list | tuple | np.ndarray)


def offset_of(value: object) -> int | None:
    """A place in a text; None where there is none, such as the -1 of a passage that was not found.

    >>> offset_of(7), offset_of(-1), offset_of(True), offset_of("7")
    (7, None, None, None)
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text_of(value: object) -> str | None:
    """A name; None for what is no text or blank."""
    return value if isinstance(value, str) and value.strip() else None
