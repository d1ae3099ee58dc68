"""What tests of a store write again and again, and what is seen of it by every way there is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from ragkit.protocols import Change, Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove
from tests.crash.workloads import COMMON, DIMENSION, vector_of

SPEC = StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION)
_MOST = 1000


def document(name: str, version: int, *, n: int = 3) -> Change:
    """A document of `n` passages."""
    return document_of(name, [f"{COMMON} {name} version {version} part {i}" for i in range(n)])


def document_of(name: str, texts: list[str]) -> Change:
    """A document of these passages."""
    return put(name, [(text, vector_of(text)) for text in texts])


def batches(rng: random.Random, n: int) -> Iterator[list[Change]]:
    """Commits that write, replace, remove and quarantine."""
    made = {"p": lambda name: document(name, rng.randrange(1000)), "r": remove, "q": quarantine}
    for _ in range(n):
        names = rng.sample([f"d{i}" for i in range(8)], 3)
        yield [made[rng.choice("pppprq")](name) for name in names]


def texts_of(*changes: Change) -> list[str]:
    """The texts of some documents, in order."""
    return sorted(record.chunk.text for change in changes for record in change.records)


def seen(store: Any) -> list[str]:
    """The texts of all chunks, by each way of search; states, counts and documents say the same.

    Raises:
        AssertionError: they do not, or something is damaged.
    """
    (dense,) = store.search(vector_of("x")[None], _MOST, Scope())
    (sparse,) = store.search_terms([[COMMON]], _MOST, Scope())
    assert sorted(dense.id_list()) == sorted(sparse.id_list())
    chunks = store.fetch(dense.id_list(), Scope())
    found = sorted(chunk.text for chunk in chunks if chunk is not None)
    states = list(store.states())
    assert len(found) == len(dense) == store.counts().chunks == sum(s.n_chunks for s in states)
    sources = [store.source("", s.document_id) for s in states if s.n_chunks]
    assert sorted(line for s in sources if s is not None for line in s.text.split("\n")) == found
    assert store.verify() == []
    return found


def n_seen_at_head(store: Any) -> int:
    """How many chunks a question finds that keeps to the commit it began with."""
    with store.hold() as commit:
        return len(store.search(vector_of("x")[None], _MOST, Scope(commit=commit))[0])
