"""What is derived from the texts, made anew from them: postings by analysis, vectors by the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import CorruptIndexError
from ragkit.protocols import Vectors
from ragkit.store import codec
from ragkit.store.changes import checked_vectors
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk
from ragkit_connectors.pgvector.checksums import checksum_of_terms, checksum_of_vector
from ragkit_connectors.pgvector.damage import damaged_terms, damaged_vectors
from ragkit_connectors.pgvector.database import Database
from ragkit_connectors.pgvector.encoding import term_key, to_bytes, to_text, unspelled

if TYPE_CHECKING:
    from psycopg import Connection

Embed = Callable[[Sequence[str]], Vectors]
_BATCH = 256
_ALL_TENANTS = "SELECT set_config('ragkit.tenant', '*', true)"
_CHUNK = """
SELECT c.id, d.id, c.text, c.shape, c.checksum, c.tenant, c.acl
FROM chunks c JOIN documents d ON d.key = c.document WHERE c."row" = %s
"""
_DROP_ORPHANS = 'DELETE FROM postings p WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c."row" = p.chunk)'
_DROP_POSTINGS = "DELETE FROM postings WHERE chunk = ANY(%s)"
_ADD_POSTINGS = """
INSERT INTO postings SELECT %s, t.term, %s, t.n FROM unnest(%s::bytea[], %s::integer[]) AS t (term, n)
"""
_SET_TERMS = 'UPDATE chunks SET n_terms = %s, terms_checksum = %s WHERE "row" = %s'
_SET_VECTOR = 'UPDATE chunks SET embedding = %s, vector_checksum = %s WHERE "row" = %s'


def repaired(
    database: Database,
    connection: Connection[Any],
    spec: StoreSpec,
    terms: Callable[[str], list[str]] | None,
    embed: Embed | None,
) -> list[str]:
    """Makes damaged postings and vectors anew, in one transaction each; one line per thing mended.

    Raises:
        CorruptIndexError: a chunk cannot be read, or postings are damaged and there is no analyzer.
    """
    with connection.transaction():
        connection.execute(_ALL_TENANTS)
        lines = _mend_postings(database, connection, terms)
    if embed is not None:
        with connection.transaction():
            connection.execute(_ALL_TENANTS)
            lines += _mend_vectors(database, connection, spec, embed)
    return lines


def _mend_postings(
    database: Database, connection: Connection[Any], terms: Callable[[str], list[str]] | None
) -> list[str]:
    n = connection.execute(_DROP_ORPHANS).rowcount
    lines = [f"{database.where}: {n} counts of terms of no chunk removed"] if n else []
    rows = damaged_terms(connection)
    if rows and terms is None:
        raise CorruptIndexError(f"{database.where}: counts of terms are damaged, and there is no analyzer")
    if rows:
        connection.execute(_DROP_POSTINGS, [rows])
    for row in rows:
        chunk = _chunk(connection, row)
        counted = Counter(terms(chunk.search_text) if terms else [])
        keys = [term_key(term) for term in counted]
        connection.execute(_ADD_POSTINGS, (to_bytes(chunk.tenant), row, keys, list(counted.values())))
        connection.execute(_SET_TERMS, (counted.total(), checksum_of_terms(counted), row))
    return [*lines, *([f"{database.where}: {len(rows)} chunks indexed anew for BM25"] if rows else [])]


def _mend_vectors(
    database: Database, connection: Connection[Any], spec: StoreSpec, embed: Embed
) -> list[str]:
    rows = damaged_vectors(connection)
    for first in range(0, len(rows), _BATCH):
        batch = rows[first : first + _BATCH]
        vectors = embed([_chunk(connection, row).search_text for row in batch])
        checked_vectors(vectors, spec.dimension, "vectors made anew")
        for row, vector in zip(batch, vectors, strict=True):
            connection.execute(_SET_VECTOR, (vector, checksum_of_vector(vector), row))
    return [f"{database.where}: {len(rows)} chunks embedded anew"] if rows else []


def _chunk(connection: Connection[Any], row: int) -> Chunk:
    found = connection.execute(_CHUNK, [row], binary=True).fetchone()
    if found is None:
        raise CorruptIndexError(f"chunk {row} has lost its document. ragkit verify shows all that is damaged")
    identity, document_id, text, shape, checksum, tenant, acl = found
    groups = tuple(unspelled(group) for group in acl)
    return codec.chunk_from(
        identity, to_text(document_id), to_text(text), to_text(shape), checksum, (to_text(tenant), groups)
    )
