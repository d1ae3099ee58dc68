"""What `store/pgvector` adds to the raw client: a query for 10, and a bulk write, side by side in one run.

    python evals/benchmarks/pgvector_overhead.py --dsn "$PG_DSN" [--passages 100000] [--index none|hnsw]
        [--queries-only]

Raw is psycopg on one connection, with prepared statements and binary results, which looks at as much of an
index as ragkit does. A `query` is the ids and the distances of the 10 nearest; `same_question` compares ours
with a raw query that asks for what ragkit needs to keep its word: of a commit, with the vectors, and as many
rows beyond 10. Besides the wall's time of a question stands how long processors worked on it, here and on the
server (where that runs on this machine, under Linux), which neighbours on a busy machine change less.

A bulk write puts the same rows into tables of the same form, 1,000 passages a transaction, by `executemany`:
documents, chunks with their vectors and metadata, and how often each chunk holds each term, as arrays. `raw`
makes its rows as it goes, as any program must; `ready` had them made before. The ways take turns. The schemas
are dropped at the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from evals.benchmarks.store_query import DIMENSION, SEED, make_passages, make_questions
from ragkit.protocols import Change, Scope, Vectors
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit_connectors.pgvector import PgvectorStore
from ragkit_connectors.pgvector.vendor import register_types

K, PER_DOCUMENT, PER_COMMIT = 10, 10, 1_000
OPEN = 2**62
_NEAREST = f"SELECT id, embedding <#> %s AS distance FROM chunks ORDER BY distance LIMIT {K}"
_SAME = f"""
SELECT id, embedding, embedding <#> %s AS distance FROM chunks WHERE from_commit <= %s AND to_commit > %s
ORDER BY distance LIMIT {K + 16}
"""
_SEARCHED = {
    "hnsw.ef_search": "100",
    "hnsw.iterative_scan": "strict_order",
    "plan_cache_mode": "force_custom_plan",
}
_DOCUMENT = "INSERT INTO documents VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
_STATE = "INSERT INTO sources VALUES (%s, %s, %s, %s, %s, %s, NULL, NULL, %s, NULL)"
_CHUNK = """
INSERT INTO chunks VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s)
"""
_POSTINGS = "INSERT INTO postings SELECT %s, * FROM unnest(%s::bytea[], %s::bigint[], %s::integer[])"

Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]], tuple[Any, ...]]


def changes_of(texts: Sequence[str], vectors: Vectors) -> list[list[Change]]:
    """Commits of 1,000 passages, ten to a document."""
    changes = [
        put(f"d{at}", list(zip(texts[at : at + PER_DOCUMENT], vectors[at : at + PER_DOCUMENT], strict=True)))
        for at in range(0, len(texts), PER_DOCUMENT)
    ]
    step = PER_COMMIT // PER_DOCUMENT
    return [changes[at : at + step] for at in range(0, len(changes), step)]


def rows_of(batch: Sequence[Change], number: int) -> Rows:
    """The rows of a batch, in the plainest way."""
    documents: list[tuple[Any, ...]] = []
    states: list[tuple[Any, ...]] = []
    chunks: list[tuple[Any, ...]] = []
    terms: list[bytes] = []
    holders: list[int] = []
    counts: list[int] = []
    for at, change in enumerate(batch):
        state, document = change.state, change.document
        assert document is not None
        key, name, uri = number * len(batch) + at, document.id.encode(), (document.uri or "").encode()
        shape = json.dumps({"metadata": dict(document.metadata), "acl": document.acl}).encode()
        packed = zlib.compress(document.text.encode(), 3)
        documents.append((key, b"", name, uri, packed, shape, number, OPEN))
        digests = state.content_hash.encode(), state.fingerprint.encode()
        states.append((b"", name, uri, *digests, state.state, state.n_chunks))
        for record in change.records:
            chunk, row = record.chunk, number * PER_COMMIT + len(chunks)
            place = [chunk.span.start, chunk.span.end, chunk.ordinal, chunk.headings, chunk.page, chunk.lang]
            described = json.dumps([*place, dict(chunk.metadata), chunk.uri]).encode()
            text, identity = chunk.text.encode(), bytes.fromhex(chunk.id)
            sums = zlib.crc32(identity + text + described), 0, 0
            fields = json.dumps(dict(chunk.metadata))
            numbers = row, identity, key, b"", "[]", number, OPEN, len(record.terms), *sums
            chunks.append((*numbers, text, described, fields, record.vector))
            for term, n in Counter(record.terms).items():
                terms.append(term.encode())
                holders.append(row)
                counts.append(n)
    return documents, states, chunks, (b"", terms, holders, counts)


class RawWriter:
    """Writes batches as transactions, by psycopg alone."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __call__(self, rows: Rows) -> None:
        documents, states, chunks, postings = rows
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(_DOCUMENT, documents)
            cursor.executemany(_STATE, states)
            cursor.executemany(_CHUNK, chunks)
            cursor.execute(_POSTINGS, postings)


def written(writer: RawWriter, batch: Sequence[Change], number: int) -> None:
    """Makes the rows of a batch, and writes them."""
    writer(rows_of(batch, number))


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def against(ours: Sequence[float], raw: Sequence[float]) -> dict[str, float]:
    """Medians, and the median of the ratios of neighbours in time."""
    ratios = [a / b for a, b in zip(ours, raw, strict=True)]
    return {
        "ours_ms": round(statistics.median(ours), 3),
        "raw_ms": round(statistics.median(raw), 3),
        "ratio": round(statistics.median(ratios), 3),
        "added_ms": round(statistics.median(a - b for a, b in zip(ours, raw, strict=True)), 3),
        "n": len(ratios),
    }


class Work:
    """How long processors have worked: of this process, and of the sessions of a server on this machine."""

    def __init__(self, dsn: str) -> None:
        with psycopg.connect(dsn) as connection:
            asked = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
            pids = [
                pid for (pid,) in connection.execute(asked).fetchall() if pid != connection.info.backend_pid
            ]
        self._paths = [path for pid in pids if (path := Path(f"/proc/{pid}/schedstat")).exists()]

    def __call__(self) -> float:
        """In seconds. What helps a session for one statement, in parallel, is not seen."""
        on_server = sum(int(path.read_text().split()[0]) for path in self._paths)
        return time.process_time() + on_server / 1e9


def queries(
    dsn: str, store: Any, connection: psycopg.Connection[Any], vectors: Sequence[Vectors]
) -> dict[str, dict[str, float]]:
    """Ours and two raw ones on the same vectors, one after the other, in changing order."""
    commit = store.head()
    scope = Scope(commit=commit)

    def asked(statement: str, *values: Any) -> object:
        return connection.execute(statement, values, prepare=True, binary=True).fetchall()

    ways: dict[str, Callable[[Vectors], object]] = {
        "ours": lambda vector: store.search(vector[None], K, scope),
        "query": lambda vector: asked(_NEAREST, vector),
        "same_question": lambda vector: asked(_SAME, vector, commit, commit),
    }
    for vector in vectors[:10]:
        for way in ways.values():
            way(vector)
    worked = Work(dsn)
    times: dict[str, list[float]] = {name: [] for name in ways}
    works: dict[str, list[float]] = {name: [] for name in ways}
    for at, vector in enumerate(vectors[10:]):
        for name in [*ways][at % 3 :] + [*ways][: at % 3]:
            before = worked()
            times[name].append(timed(partial(ways[name], vector)))
            works[name].append((worked() - before) * 1e3)
    return {
        name: {
            **against(times["ours"], times[name]),
            **{
                f"work_{key}": value
                for key, value in against(works["ours"], works[name]).items()
                if key != "n"
            },
        }
        for name in ("query", "same_question")
    }


def connected(dsn: str, schema: str) -> psycopg.Connection[Any]:
    """A connection that works in a schema and knows pgvector's type."""
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute(f"SET search_path = {schema}, public")  # a name of ours
    (oid,) = connection.execute("SELECT 'vector'::regtype::oid").fetchone() or (0,)
    register_types(connection, oid)
    return connection


def searching(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The same, looking at as much of an index as ragkit does."""
    for name, value in _SEARCHED.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    return connection


def writes(times: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """How long commits of 1,000 passages took."""
    return {
        "write_1000": against(times["ours"], times["raw"]),
        "write_1000_rows_ready": against(times["ours"], times["ready"]),
    }


def measured(
    dsn: str, n: int, index: str, n_queries: int, *, queries_only: bool = False
) -> Mapping[str, Any]:
    """Fills the tables in turns, then asks; for `queries_only` ours alone are filled."""
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, n)
    batches = changes_of(texts, vectors)
    spec = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)
    names = ("bench_ours", "bench_raw", "bench_ready")
    stores = {name: PgvectorStore(dsn=dsn, name=name, index=index).open(spec) for name in names}
    raw, ready = (RawWriter(connected(dsn, name)) for name in names[1:])
    times: dict[str, list[float]] = {name: [] for name in ("ours", "raw", "ready")}
    try:
        with stores["bench_ours"].writing():
            for number, batch in enumerate(batches, start=1):
                made = rows_of(batch, number)
                ways: dict[str, Callable[[], object]] = {
                    "ours": partial(stores["bench_ours"].commit, batch),
                    "raw": partial(written, raw, batch, number),
                    "ready": partial(ready, made),
                }
                names_in_turn = list(ways)[number % 3 :] + list(ways)[: number % 3]
                for name in ["ours"] if queries_only else names_in_turn:
                    times[name].append(timed(ways[name]))
        stores["bench_ours"].prepare()
        asked = [question.vector for question in make_questions(rng, texts, vectors, n_queries + 10)]
        return {
            "passages": n,
            "dimension": DIMENSION,
            "index": index,
            **({} if queries_only else writes(times)),
            **queries(dsn, stores["bench_ours"], searching(connected(dsn, "bench_ours")), asked),
        }
    finally:
        for store in stores.values():
            store.close()
        with psycopg.connect(dsn, autocommit=True) as connection:
            for name in names:
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def main() -> None:
    """Measures and prints one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--dsn", required=True)
    arguments.add_argument("--passages", type=int, default=100_000)
    arguments.add_argument("--queries", type=int, default=100)
    arguments.add_argument("--index", choices=("none", "hnsw", "ivfflat"), default="none")
    arguments.add_argument("--queries-only", action="store_true", help="compare no writes")
    given = arguments.parse_args()
    found = measured(given.dsn, given.passages, given.index, given.queries, queries_only=given.queries_only)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
