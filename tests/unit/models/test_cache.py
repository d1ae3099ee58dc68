from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit.models.cache import CachingEmbedder
from ragkit.protocols import TextKind, Vectors


class Counted:
    """An embedder of two dimensions that says which texts it was given, and keeps what it gave."""

    name = fingerprint = "counted"
    dimension = 2
    max_tokens = 10
    languages: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.given: list[Vectors] = []

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        self.calls.append(list(texts))
        vectors = np.array([[len(text), 0] for text in texts], dtype=np.float32)
        self.given.append(vectors)
        return vectors


def test_only_what_is_not_remembered_is_embedded_each_text_once() -> None:
    model = Counted()
    cached = CachingEmbedder(model)
    cached.embed(["a", "bb"], "query")
    vectors = cached.embed(["bb", "ccc", "a", "ccc"], "query")
    assert vectors[:, 0].tolist() == [2, 3, 1, 3]
    assert model.calls == [["a", "bb"], ["ccc"]]


def test_a_query_and_a_passage_of_one_text_are_two_vectors() -> None:
    model = Counted()
    cached = CachingEmbedder(model)
    cached.embed(["a"], "query")
    cached.embed(["a"], "passage")
    assert model.calls == [["a"], ["a"]]


def test_the_longest_unused_text_is_forgotten_first() -> None:
    model = Counted()
    cached = CachingEmbedder(model, size=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        cached.embed([text], "query")
    assert model.calls == [["a"], ["b"], ["c"], ["b"]]


def test_changing_what_was_given_changes_nothing_that_is_remembered() -> None:
    model = Counted()
    cached = CachingEmbedder(model)
    first = cached.embed(["a"], "query")
    first[:] = 7
    model.given[0][:] = 7
    assert cached.embed(["a"], "query").tolist() == [[1, 0]]
