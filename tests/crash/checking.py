"""Whether an index holds what the ledger says, and nothing else."""

from __future__ import annotations

import numpy as np

from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from tests.crash.ledger import Content, Ledger
from tests.crash.workloads import COMMON, DIMENSION, vector_of

_ALL = 100_000


def matched(store: LocalStore, ledger: Ledger) -> Content:
    """What of that which the ledger allows is there: each document and chunk once, whole, found both ways.

    Raises:
        AssertionError: something else is there, or less.
    """
    states = {s.document_id: (s.state, s.content_hash, s.n_chunks) for s in store.states()}
    for content in ledger.allowed():
        if states == {name: (k.state, k.content_hash, len(k.chunks)) for name, k in content.items()}:
            _check_chunks(store, content)
            return content
    wanted = [
        {name: (k.state, k.content_hash, len(k.chunks)) for name, k in content.items()}
        for content in ledger.allowed()
    ]
    differing = [
        {name: (w.get(name), states.get(name)) for name in {*w, *states} if w.get(name) != states.get(name)}
        for w in wanted
    ]
    raise AssertionError(f"neither the acknowledged content nor that in flight is there: {differing}")


def _check_chunks(store: LocalStore, content: Content) -> None:
    expected = sorted(chunk for kept in content.values() for chunk in kept.chunks)
    (dense,) = store.search(np.eye(1, DIMENSION, dtype=np.float32), _ALL, Scope())
    (sparse,) = store.search_terms([[COMMON]], _ALL, Scope())
    assert sorted(dense.id_list()) == expected, "dense search does not give exactly the chunks of the ledger"
    assert sorted(sparse.id_list()) == expected, "BM25 does not give exactly the chunks of the ledger"
    assert store.counts().chunks == len(expected)
    vectors = store.vectors(expected, Scope()) if expected else np.empty((0, DIMENSION))
    by_id = dict(zip(expected, vectors, strict=True))
    for name, kept in content.items():
        document = store.source("", name)
        if not kept.chunks:
            assert document is None, f"{name}: has content that was never committed"
            continue
        assert document is not None, f"{name}: lost its text"
        for ordinal, chunk in enumerate(store.fetch(list(kept.chunks), Scope())):
            assert chunk is not None, f"{name}: lost a chunk"
            assert (chunk.document_id, chunk.ordinal) == (name, ordinal)
            assert chunk.span.of(document.text) == chunk.text, f"{name}: a chunk is not the text at its span"
            same = np.allclose(by_id[chunk.id], vector_of(chunk.search_text), atol=1e-6)
            assert same, f"{name}: a chunk has a vector of another text"
