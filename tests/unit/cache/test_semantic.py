"""Answers for other wordings, with the bundled embedder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragkit.cache.semantic import SemanticCache
from ragkit.config.cache import SemanticCacheSettings
from ragkit.models.cache import CachingEmbedder
from ragkit.models.embedder import OnnxEmbedder
from ragkit.protocols import TextKind, Vectors
from ragkit.types import Answer, QueryPlan

READER = b"reader"


class Reader:
    def __init__(self) -> None:
        self.embedder = CachingEmbedder(OnnxEmbedder())

    def knows(self, text: str) -> bool:
        return True

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        return self.embedder.embed(texts, kind)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def filled(reader: Reader, *questions: str, **settings: float) -> SemanticCache:
    cache = SemanticCache(SemanticCacheSettings(**settings))  # type: ignore[arg-type]
    for question in questions:
        put(cache, reader, question)
    return cache


def put(cache: SemanticCache, reader: Reader, question: str, *, of: bytes = READER) -> None:
    asked = cache.read(question, of, reader)
    assert asked is not None
    answer = Answer(QueryPlan.of(question), text=question)
    cache.put(of + question.encode(), asked, answer, n_bytes=1_000)


def found(cache: SemanticCache, reader: Reader, question: str, *, of: bytes = READER) -> str | None:
    asked = cache.read(question, of, reader)
    hit = None if asked is None else cache.find(asked)
    return None if hit is None else hit.answer.text


def test_the_nearest_question_that_asks_the_same_is_found(reader: Reader) -> None:
    cache = filled(reader, "How do I reset the Wick 3?", "How do I reset the Wick 5?", "Who approves it?")
    assert found(cache, reader, "How can I reset the Wick 5?") == "How do I reset the Wick 5?"
    assert found(cache, reader, "How can I reset the Wick 4?") is None


def test_where_the_nearest_asks_something_else_none_far_behind_it_is_taken(reader: Reader) -> None:
    near, far = "How is the return of shoes not paid?", "How do you pay for boots that come back?"
    asked = "How is the return of shoes paid?"
    assert found(filled(reader, far, threshold=0.5), reader, asked) == far
    assert found(filled(reader, far, near, threshold=0.5), reader, asked) is None


def test_nobody_is_given_what_another_reader_asked(reader: Reader) -> None:
    cache = filled(reader, "How long is the warranty?")
    assert found(cache, reader, "How long is the warranty?", of=b"another") is None


def test_the_nearest_ones_of_others_do_not_hide_ones_own(reader: Reader) -> None:
    cache = filled(reader)
    for n in range(20):
        put(cache, reader, "How long is the warranty?", of=b"other%d" % n)
    put(cache, reader, "How long does the warranty last?")
    assert found(cache, reader, "How long is the warranty?") == "How long does the warranty last?"


def test_with_the_same_words_the_vectors_need_not_be_as_near(reader: Reader) -> None:
    cache = filled(reader, "Where are the log files stored?", "Is overtime paid?", threshold=0.95)
    assert found(cache, reader, "Where do you keep log files?") is None
    assert found(cache, reader, "Do I get paid for overtime?") == "Is overtime paid?"


def test_rows_are_used_again_and_hold_what_they_should(reader: Reader) -> None:
    cache = filled(reader, max_entries=3)
    for n in range(200):
        put(cache, reader, f"How do I reset the Wick {n}?")
    assert len(cache) == 3
    assert found(cache, reader, "How can I reset the Wick 199?") == "How do I reset the Wick 199?"
    assert found(cache, reader, "How can I reset the Wick 100?") is None
    cache.clear()
    assert found(cache, reader, "How can I reset the Wick 199?") is None


def test_a_vector_that_is_no_number_finds_nothing(reader: Reader) -> None:
    cache = filled(reader, "How long is the warranty?")
    asked = cache.read("How long is the warranty?", READER, reader)
    assert asked is not None
    asked.vector[:] = np.nan
    assert cache.find(asked) is None
