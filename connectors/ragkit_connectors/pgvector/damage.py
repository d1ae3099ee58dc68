"""Which chunks have another vector or other counts of terms than were written: all of them are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ragkit_connectors.pgvector.checksums import checksum_of_key, checksum_of_vector

if TYPE_CHECKING:
    from psycopg import Connection

_AT_ONCE = 2_000
_TERMS = 'SELECT "row", tenant, n_terms, terms_checksum FROM chunks'
_POSTINGS = "SELECT tenant, term, chunk, n FROM postings"
_VECTORS = 'SELECT "row", embedding, vector_checksum FROM chunks'


def damaged_terms(connection: Connection[Any]) -> list[int]:
    """The rows of the chunks whose terms, or how often they hold them, were changed. In a transaction."""
    sums: dict[tuple[bytes, int], list[int]] = defaultdict(lambda: [0, 0])
    for tenant, term, chunk, n in _streamed(connection, _POSTINGS):
        held = sums[tenant, chunk]
        held[0] += n
        held[1] += checksum_of_key(term) * n
    return sorted(
        row
        for row, tenant, n_terms, checksum in _streamed(connection, _TERMS)
        if sums.get((tenant, row), [0, 0]) != [n_terms, checksum]
    )


def damaged_vectors(connection: Connection[Any]) -> list[int]:
    """The rows of the chunks whose vector was changed. In a transaction."""
    return sorted(
        row
        for row, vector, checksum in _streamed(connection, _VECTORS)
        if checksum_of_vector(vector) != checksum
    )


def _streamed(connection: Connection[Any], statement: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="damage", binary=True) as cursor:
        cursor.itersize = _AT_ONCE
        yield from cursor.execute(statement)
