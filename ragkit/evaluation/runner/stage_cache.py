"""The values that stages gave, kept on disk: a changed stage runs anew, and what is downstream of it."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from ragkit.errors import EvalError
from ragkit.evaluation.runner.stage_key import Key, StageKeys
from ragkit.evaluation.runner.value_json import (
    Value,
    can_encode,
    chunk_json,
    chunk_of,
    decoded,
    encoded,
    names_in,
)
from ragkit.graph.trace import Trace
from ragkit.store.sqlite_file import keep_log
from ragkit.types import Chunk, QueryPlan

logger = logging.getLogger(__name__)
# What is not flushed yet is lost in a kill: much of it where stages are fast, little where they are dear.
_FLUSH_AT, _FLUSH_S = 256, 2.0
_CHUNKS_KEPT = 20_000  # some 40 MB
_VARIABLES = 500  # of one statement; SQLite takes 999 in its oldest builds
_SCHEMA = """
CREATE TABLE IF NOT EXISTS value (key BLOB PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chunk (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


class StageCache:
    """The values of one graph's nodes, in a file that any number of graphs over one index share.

    Several processes may use the file at once. What is lost of it is only worked out again: where it takes no
    more, as on a full disk, that is logged, and the run goes on without.

    Args:
        path: the file; it is made if it is not there.
        keys: of the graph.

    Example:
        with StageCache(path, stage_keys(spec, order, config, parts, index)) as cache:
            keys = cache.keys(plan)
            known = cache.read(keys, plan)
    """

    def __init__(self, path: Path, keys: StageKeys) -> None:
        self.path = path
        self._keys = keys
        self._lock = threading.Lock()
        self._is_writable = True
        # What is not written yet.
        self._values: dict[Key, str] = {}
        self._chunks: dict[str, str] = {}
        self._flushed_at = time.monotonic()
        self._named: dict[str, _Named] = {}
        self._read: dict[str, Chunk] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            keep_log(self._connection)
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute("PRAGMA wal_autocheckpoint = 8000")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as e:
            raise self._damaged(e) from e

    def __enter__(self) -> StageCache:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def keys(self, plan: QueryPlan) -> dict[str, Key]:
        """The key of each node that can be cached."""
        return self._keys.of(plan)

    def holds(self, keys: Iterable[Key | None]) -> bool:
        """Whether all of these values are there; None is none of them.

        Raises:
            EvalError: the file is damaged.
        """
        wanted = list(keys)
        present = {str(n): key for n, key in enumerate(wanted) if key is not None}
        with self._lock:
            try:
                return len(self._bodies(present)) == len(wanted)
            except sqlite3.Error as e:
                raise self._damaged(e) from e

    def read(self, keys: Mapping[str, Key], plan: QueryPlan) -> dict[str, Value]:
        """The values that are there, by node.

        Raises:
            EvalError: the file is damaged.
        """
        with self._lock:
            try:
                rows = {node: json.loads(body) for node, body in self._bodies(keys)}
                chunks = self._chunks_of({name for row in rows.values() for name in names_in(row)})
            except (sqlite3.Error, ValueError) as e:
                raise self._damaged(e) from e
        whole = {node: row for node, row in rows.items() if all(name in chunks for name in names_in(row))}
        return {node: decoded(row, plan, chunks) for node, row in whole.items()}

    def write(
        self,
        keys: Mapping[str, Key],
        values: Mapping[str, Any],
        *,
        plan: QueryPlan,
        trace: Trace,
    ) -> None:
        """Keeps what the nodes of a run gave, but for what came of a failure and what was skipped.

        Args:
            keys: of the run's plan.
            values: by node, in the graph's order.
            plan: of the run.
            trace: of the run; what is not in it was known before.
        """
        if not self._is_writable:
            return
        status = {node.node: node.status for node in trace.nodes}
        tainted = {name for name, what in status.items() if what in ("degraded", "failed")}
        for name, sources in self._keys.inputs.items():
            if not tainted.isdisjoint(sources):
                tainted.add(name)
        fresh = {
            keys[name]: value
            for name, value in values.items()
            if name in keys and status.get(name) == "ok" and name not in tainted and can_encode(value)
        }
        with self._lock:
            for key, value in fresh.items():
                self._values[key] = json.dumps(encoded(value, plan, self._name))
            if len(self._values) >= _FLUSH_AT or time.monotonic() - self._flushed_at > _FLUSH_S:
                self._flush()

    def close(self) -> None:
        """Writes what is still to be written, and closes the file."""
        with self._lock:
            self._flush()
            self._connection.close()

    # --- inside -----------------------------------------------------------------------------------

    def _name(self, chunk: Chunk) -> str:
        """The name of a chunk, by all that it holds: a stage may have made another one with the same id."""
        known = self._named.get(chunk.id)
        if known is not None and (known.chunk is chunk or known.chunk == chunk):
            return known.name
        body = json.dumps(chunk_json(chunk))
        name = hashlib.sha256(body.encode()).hexdigest()[:24]
        if len(self._named) >= _CHUNKS_KEPT:
            self._named.clear()
        self._named[chunk.id] = _Named(chunk, name)
        self._chunks[name] = body
        return name

    def _bodies(self, keys: Mapping[str, Key]) -> list[tuple[str, str]]:
        found = {key: self._values[key] for key in keys.values() if key in self._values}
        missing = [key for key in keys.values() if key not in found]
        found.update(self._selected("SELECT key, body FROM value WHERE key IN", missing))
        return [(name, found[key]) for name, key in keys.items() if key in found]

    def _chunks_of(self, names: Iterable[str]) -> dict[str, Chunk]:
        chunks = {name: self._read[name] for name in names if name in self._read}
        missing = [name for name in names if name not in chunks]
        bodies = {name: self._chunks[name] for name in missing if name in self._chunks}
        others = [name for name in missing if name not in bodies]
        bodies.update(self._selected("SELECT name, body FROM chunk WHERE name IN", others))
        fresh = {name: chunk_of(json.loads(body)) for name, body in bodies.items()}
        if len(self._read) + len(fresh) > _CHUNKS_KEPT:
            self._read.clear()
        self._read.update(fresh)
        return {**chunks, **fresh}

    def _selected(self, statement: str, keys: Sequence[Any]) -> list[tuple[Any, str]]:
        rows: list[tuple[Any, str]] = []
        for start in range(0, len(keys), _VARIABLES):
            some = keys[start : start + _VARIABLES]
            rows += self._connection.execute(f"{statement} ({', '.join('?' * len(some))})", some)
        return rows

    def _flush(self) -> None:
        if not (self._values or self._chunks):
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for table, rows in (("chunk", self._chunks), ("value", self._values)):
                self._connection.executemany(
                    f"INSERT OR IGNORE INTO {table} VALUES (?, ?)",  # noqa: S608  (two names of our own)
                    list(rows.items()),
                )
            self._connection.execute("COMMIT")
        except sqlite3.Error as e:
            # The answers are sound without it: a full disk must not make failures of them.
            self._is_writable = False
            logger.warning("%s: no more values of stages are kept: %s", self.path, e)
            with suppress(sqlite3.Error):
                self._connection.rollback()
        self._values, self._chunks = {}, {}
        self._flushed_at = time.monotonic()

    def _damaged(self, error: Exception) -> EvalError:
        return EvalError(
            f"{self.path}: the cache of stages cannot be used: {error}. Remove the file: what was in it is "
            "worked out again"
        )


class _Named(NamedTuple):
    chunk: Chunk
    name: str
