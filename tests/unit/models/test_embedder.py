"""The bundled embedder: independent of batch-mates, ordered, finite, close to the published model."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ConfigError
from ragkit.models.embedder import OnnxEmbedder
from ragkit.protocols import Embedder

TEXTS = [
    "A short one.",
    "Query parameters are declared as function arguments with default values. " * 8,
    "",
    "Почта России доставила посылку за три дня.",
    "tax " * 400,
    "An invoice is due within thirty days of receipt.",
]

any_text = st.text(st.characters(exclude_categories=[]), max_size=200)


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder(threads=2)


def test_it_is_an_embedder(embedder: OnnxEmbedder) -> None:
    assert isinstance(embedder, Embedder)
    assert embedder.name == "all-MiniLM-L6-v2"
    assert (embedder.dimension, embedder.max_tokens) == (384, 256)
    assert embedder.languages == {"en"}
    assert embedder.fingerprint.startswith(f"{embedder.name}@{embedder.revision}+")


def test_a_vector_does_not_depend_on_its_batch_mates(embedder: OnnxEmbedder) -> None:
    together = embedder.embed(TEXTS, "passage")
    for vector, text in zip(together, TEXTS, strict=True):
        np.testing.assert_array_equal(vector, embedder.embed([text], "passage")[0])


def test_vectors_come_in_the_order_of_the_texts(embedder: OnnxEmbedder) -> None:
    forward = embedder.embed(TEXTS, "passage")
    backward = embedder.embed(TEXTS[::-1], "passage")
    np.testing.assert_array_equal(forward, backward[::-1])


def test_the_number_of_threads_changes_nothing(embedder: OnnxEmbedder) -> None:
    one_thread = OnnxEmbedder(threads=1).embed(TEXTS, "passage")
    np.testing.assert_array_equal(one_thread, embedder.embed(TEXTS, "passage"))


def test_a_call_longer_than_a_slice_keeps_order(embedder: OnnxEmbedder) -> None:
    words = [f"word {i}" for i in range(1100)]
    vectors = embedder.embed(words, "passage")
    for i in (0, 1023, 1024, 1099):
        np.testing.assert_array_equal(vectors[i], embedder.embed([words[i]], "passage")[0])


def test_no_texts_give_an_empty_array(embedder: OnnxEmbedder) -> None:
    vectors = embedder.embed([], "query")
    assert vectors.shape == (0, 384)
    assert vectors.dtype == np.float32


def test_empty_and_blank_texts_share_a_unit_vector(embedder: OnnxEmbedder) -> None:
    vectors = embedder.embed(["", " \n\t", "\ud800"], "query")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[0], vectors[2])


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(any_text, max_size=4))
def test_any_text_has_a_finite_unit_vector(embedder: OnnxEmbedder, texts: list[str]) -> None:
    vectors = embedder.embed(texts, "passage")
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.ones(len(texts)), atol=1e-5)


def test_a_long_text_counts_up_to_its_last_token_that_fits(embedder: OnnxEmbedder) -> None:
    text = " ".join(f"item{i} costs {i} euro." for i in range(200))
    spans = embedder.token_spans(text)
    assert len(spans) > embedder.max_tokens
    last_seen = spans[embedder.max_tokens - 3][1]
    full, cut, shorter = embedder.embed([text, text[:last_seen], text[: last_seen - 40]], "passage")
    np.testing.assert_array_equal(full, cut)
    assert not np.array_equal(full, shorter)


def test_a_paraphrase_is_nearer_than_an_unrelated_text(embedder: OnnxEmbedder) -> None:
    question, paraphrase, related, unrelated = embedder.embed(
        [
            "How do I reset my password?",
            "What are the steps to recover a forgotten password?",
            "Our password rules ask for twelve characters.",
            "The recipe needs two eggs and a cup of flour.",
        ],
        "query",
    )
    assert question @ paraphrase > question @ related > question @ unrelated
    assert question @ unrelated < 0.2 < 0.6 < question @ paraphrase


def test_it_agrees_with_the_published_model(embedder: OnnxEmbedder) -> None:
    # First eight values by sentence-transformers 6.2 with the original float32 weights.
    published = [0.0439, 0.0589, 0.0482, 0.0775, 0.0267, -0.0376, -0.0026, -0.0599]
    vector = embedder.embed(["The quick brown fox jumps over the lazy dog."], "passage")[0]
    np.testing.assert_allclose(vector[:8], published, atol=0.015)


def test_its_vectors_stay_as_they_were_shipped(embedder: OnnxEmbedder) -> None:
    # A change here means that existing collections no longer match: raise the revision of the conversion.
    # Versions of onnxruntime differ by 0.001 to 0.002 a value, for a last bit can tip a rounding to int8.
    shipped = [0.0417, 0.0685, 0.0466, 0.0730, 0.0233, -0.0394, -0.0020, -0.0629]
    vector = embedder.embed(["The quick brown fox jumps over the lazy dog."], "passage")[0]
    np.testing.assert_allclose(vector[:8], shipped, atol=0.006)


def test_many_threads_may_share_a_fresh_embedder(embedder: OnnxEmbedder) -> None:
    fresh = OnnxEmbedder(threads=2)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: fresh.embed(TEXTS[:4], "passage"), range(16)))
    expected = embedder.embed(TEXTS[:4], "passage")
    for vectors in results:
        np.testing.assert_array_equal(vectors, expected)


def test_fewer_than_one_thread_is_refused() -> None:
    with pytest.raises(ConfigError, match="threads is 0; give 1 or more"):
        OnnxEmbedder(threads=0)


FORKED = """
import os
from ragkit.models.embedder import OnnxEmbedder
embedder = OnnxEmbedder(threads=2)
before = embedder.embed(["one", "two", "three"], "passage")
child = os.fork()
if child == 0:
    os._exit(int((embedder.embed(["one", "two", "three"], "passage") != before).any()))
raise SystemExit(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_embeds_on_threads_of_its_own() -> None:
    run = subprocess.run([sys.executable, "-c", FORKED], timeout=60, check=False)
    assert run.returncode == 0
