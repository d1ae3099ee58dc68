"""The embedded store answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.arrays import HitBatch
from ragkit.fields import parse_fields
from ragkit.protocols import Change, DenseIndex, RankerFactory, Scope
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing import strategies as made
from ragkit.testing.congruence import check_batch
from ragkit.testing.oracle import OracleStore

TOLERANCE = 1e-6
# A folder in memory where the system has one: hundreds of histories need no disk to be right.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@contextmanager
def pair(
    shape: made.Shape, index: DenseIndex | None = None, bm25: RankerFactory | None = None
) -> Iterator[tuple[LocalStore, OracleStore]]:
    declared = {
        **({"tenant": "keyword!"} if shape.tenants else {}),
        **({"acl": ["keyword"]} if shape.acl else {}),
    }
    spec = StoreSpec(
        "m",
        embedder_fingerprint="v1",
        dimension=4,
        fields={**made.FIELDS, **parse_fields(declared)},
    )
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        chosen = {} if index is None else {"index": index}
        local = LocalStore(path=folder, **chosen).open(spec, bm25=bm25)
        try:
            yield local, OracleStore(spec)
        finally:
            local.close()


def agree(ours: HitBatch, theirs: HitBatch) -> None:
    """Same ids and scores; where scores differ by rounding alone, the order within them is free."""
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=TOLERANCE, atol=TOLERANCE)
    if ours.id_list() != theirs.id_list():
        start = 0
        for end in range(1, len(theirs) + 1):
            if end == len(theirs) or theirs.scores[end - 1] - theirs.scores[end] > TOLERANCE:
                if end < len(theirs):
                    assert set(ours.id_list()[start:end]) == set(theirs.id_list()[start:end])
                start = end
    assert ours.ceiling == pytest.approx(theirs.ceiling)


@st.composite
def readers(draw: st.DrawFn, shape: made.Shape, kept_from: int, head: int) -> Scope:
    return Scope(
        draw(st.sampled_from([*made.TENANTS, "nobody"])) if shape.tenants else None,
        tuple(draw(st.lists(st.sampled_from(made.GROUPS), max_size=2, unique=True))) if shape.acl else None,
        draw(st.none() | made.filters()),
        draw(st.none() | st.integers(kept_from, head)),
    )


def compare(
    local: LocalStore, oracle: OracleStore, shape: made.Shape, data: st.DataObject, kept_from: int = 0
) -> None:
    scope = data.draw(readers(shape, kept_from, oracle.head()), label="scope")
    k = data.draw(st.sampled_from([1, 2, 3, 5, 100]), label="k")
    vectors = np.stack(data.draw(st.lists(made.VECTORS, min_size=1, max_size=3), label="vectors"))
    terms = data.draw(st.lists(made.TERMS, max_size=3), label="terms")
    for ours, theirs in zip(local.search(vectors, k, scope), oracle.search(vectors, k, scope), strict=True):
        agree(ours, theirs)
    found = oracle.search_terms(terms, k, scope)
    for ours, theirs in zip(local.search_terms(terms, k, scope), found, strict=True):
        agree(ours, theirs)
    # Of the last hits, whose scores may tie with what was cut off, the whole ranking says who may be there.
    for ours, theirs in zip(
        local.search(vectors, k, scope), oracle.search(vectors, 10_000, scope), strict=True
    ):
        check_batch(ours, theirs, k)
    found = oracle.search_terms(terms, 10_000, scope)
    for ours, theirs in zip(local.search_terms(terms, k, scope), found, strict=True):
        check_batch(ours, theirs, k)
    ids = [row.record.chunk.id for row in oracle._rows]
    assert local.fetch(ids, scope) == oracle.fetch(ids, scope)
    np.testing.assert_array_equal(local.vectors(ids, scope), oracle.vectors(ids, scope))


@pytest.mark.parametrize(
    "shape", [made.Shape(False, False), made.Shape(True, True)], ids=["plain", "tenants"]
)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_local_store_answers_as_the_oracle(shape: made.Shape, data: st.DataObject) -> None:
    kept_from = 0
    with pair(shape) as (local, oracle):
        for _ in range(data.draw(st.integers(1, 4), label="commits")):
            changes: list[Change] = data.draw(made.commits(shape), label="changes")
            assert local.commit(changes) == oracle.commit(changes)
            if data.draw(st.booleans(), label="compact") and local.compact().n_collected:
                kept_from = local.head()
            for _ in range(2):
                compare(local, oracle, shape, data, kept_from)
        assert local.counts() == oracle.counts()
        assert list(local.states()) == oracle.states()
        for state in oracle.states():
            key = (state.tenant, state.document_id)
            assert local.source(*key) == oracle.source(*key)
