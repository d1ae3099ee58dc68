"""The exact oracle: a store of plain lists that judges every chunk one by one, in the order of the rules.

Slow and obvious on purpose. A store is right when it answers as this one does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragkit.arrays import HitBatch
from ragkit.fields import FieldSpec
from ragkit.filters import OPERATORS, matches
from ragkit.protocols import (
    Capabilities,
    Change,
    DocumentState,
    Record,
    Scope,
    StoreCounts,
    Vectors,
)
from ragkit.store.bm25.formula import Bm25
from ragkit.store.changes import check_changes
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk, Document


@dataclass(slots=True)
class _Row:
    record: Record
    first: int
    last: float = math.inf


class OracleStore:
    """A store in plain lists, for comparing others with.

    >>> OracleStore(StoreSpec("m", embedder_fingerprint="v1", dimension=2)).head()
    0
    """

    def __init__(self, spec: StoreSpec, bm25: Bm25 | None = None) -> None:
        self.spec = spec
        self._bm25 = bm25 or Bm25()
        self._commit = 0
        self._rows: list[_Row] = []
        self._states: dict[tuple[str, str], DocumentState] = {}
        # By commit, oldest first; None from the one that removed it.
        self._documents: dict[tuple[str, str], list[tuple[int, Document | None]]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Everything."""
        return Capabilities("test/oracle", filters=frozenset(OPERATORS), exact_dense=True, sparse=True)

    @property
    def fields(self) -> dict[str, FieldSpec]:
        """The declared fields."""
        return dict(self.spec.fields)

    def head(self) -> int:
        """The current commit."""
        return self._commit

    def ids(self) -> list[str]:
        """The ids of all chunks that were ever written; one that came back is there more than once."""
        return [row.record.chunk.id for row in self._rows]

    def search(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        """Every visible chunk compared with every query; products summed without rounding error."""
        visible = self._visible(scope)
        return [
            HitBatch.of((row.record.chunk.id, _cosine(query, row.record.vector)) for row in visible).top(k)
            for query in vectors
        ]

    def search_terms(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        """Lucene's formula over the tenant's live chunks, term by term."""
        population = self._visible(Scope(scope.tenant, None, None, scope.commit), skip_acl=True)
        shown = {id(row) for row in self._visible(scope)}
        batches = []
        for terms in queries:
            idf = {term: self._idf(term, population) for term in terms}
            scored = [
                (row.record.chunk.id, self._score(terms, idf, row, population))
                for row in population
                if id(row) in shown and set(terms) & set(row.record.terms)
            ]
            batch = HitBatch.of(scored).top(k)
            batches.append(HitBatch(batch.ids, batch.scores, sum(idf[term] for term in terms)))
        return batches

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        """The visible chunks with these ids."""
        chunks = {row.record.chunk.id: row.record.chunk for row in self._visible(scope)}
        return [chunks.get(i) for i in ids]

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        """The vectors of the visible chunks with these ids."""
        found = {row.record.chunk.id: row.record.vector for row in self._visible(scope)}
        none = np.zeros(self.spec.dimension, dtype=np.float32)
        return np.array([found.get(i, none) for i in ids], dtype=np.float32).reshape(-1, self.spec.dimension)

    def commit(self, changes: Iterable[Change]) -> int:
        """Applies the changes one after the other."""
        items = list(changes)
        check_changes(items, self.spec.dimension)
        if not items:
            return self._commit
        self._commit += 1
        for change in items:
            self._apply(change)
        return self._commit

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document."""
        return self._states.get((tenant, document_id))

    def states(self, tenant: str | None = None) -> list[DocumentState]:
        """All documents of a tenant, or of all."""
        return [s for (t, _), s in sorted(self._states.items()) if tenant is None or t == tenant]

    def at_uri(self, tenant: str, uri: str) -> list[DocumentState]:
        """Those of a tenant that came from a place."""
        return [s for s in self.states(tenant) if s.uri == uri]

    def quarantined(self) -> list[DocumentState]:
        """Those that could not be ingested."""
        return [s for s in self.states() if s.state == "quarantined"]

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        """A document as it was committed."""
        wanted = self._commit if commit is None else commit
        versions = self._documents.get((tenant, document_id), [])
        return next((document for first, document in reversed(versions) if first <= wanted), None)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        current = [key for key, versions in self._documents.items() if versions[-1][1] is not None]
        return StoreCounts(
            documents=len(current),
            chunks=sum(row.last > self._commit for row in self._rows),
            tenants=len({tenant for tenant, _ in current}),
            quarantined=sum(s.state == "quarantined" for s in self._states.values()),
        )

    def close(self) -> None:
        """Nothing to release."""

    def _apply(self, change: Change) -> None:
        key = (change.state.tenant, change.state.document_id)
        mine = [r for r in self._rows if (r.record.chunk.tenant, r.record.chunk.document_id) == key
                and r.last > self._commit]  # fmt: skip
        if change.document is None and change.state.state == "quarantined":
            self._states[key] = replace(change.state, n_chunks=len(mine))
            return
        for row in mine:
            row.last = self._commit
        if change.document is None:
            self._states.pop(key, None)
            self._documents.setdefault(key, []).append((self._commit, None))
            return
        self._states[key] = replace(change.state, n_chunks=len(change.records))
        self._documents.setdefault(key, []).append((self._commit, change.document))
        self._rows += [_Row(record, self._commit) for record in change.records]

    def _visible(self, scope: Scope, *, skip_acl: bool = False) -> list[_Row]:
        commit = self._commit if scope.commit is None else scope.commit
        return [
            row for row in self._rows if row.first <= commit < row.last and self._shows(scope, row, skip_acl)
        ]

    def _shows(self, scope: Scope, row: _Row, skip_acl: bool) -> bool:
        chunk = row.record.chunk
        if scope.tenant is not None and chunk.tenant != scope.tenant:
            return False
        if not skip_acl and scope.acl is not None and not set(scope.acl) & set(chunk.acl):
            return False
        return scope.filter is None or matches(scope.filter, chunk.metadata)

    def _idf(self, term: str, population: Sequence[_Row]) -> float:
        n, df = len(population), sum(term in row.record.terms for row in population)
        return math.log(1 + (n - df + 0.5) / (df + 0.5))

    def _score(
        self, terms: Sequence[str], idf: dict[str, float], row: _Row, population: Sequence[_Row]
    ) -> float:
        counts, length = Counter(row.record.terms), len(row.record.terms)
        average = sum(len(r.record.terms) for r in population) / len(population)
        norm = self._bm25.k1 * (1 - self._bm25.b + self._bm25.b * length / average)
        return math.fsum(idf[t] * counts[t] / (counts[t] + norm) for t in terms if counts[t])


def _cosine(a: Vectors, b: Vectors) -> float:
    product = math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    return max(-1.0, min(1.0, product))
