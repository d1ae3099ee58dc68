"""The ONNX reranker: independent of batch-mates, ordered, finite, whole passages read, any text scored."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ConfigError
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.protocols import Reranker
from tests.unit.models.small_reranker import write_reranker

QUERY = "when is an invoice due?"
PASSAGES = [
    "An invoice is due within thirty days of receipt.",
    "A reminder is sent within sixty days of receipt.",  # as many tokens as the one before
    "",
    "Почта России доставила посылку за три дня.",
    "tax " * 300,
    "日本の税法は複雑です。",
    "Query parameters are declared as function arguments with default values. " * 8,
]

any_text = st.text(st.characters(exclude_categories=[]), max_size=80)


@pytest.fixture(scope="module")
def reranker(reranker_folder: Path) -> OnnxReranker:
    return OnnxReranker(reranker_folder, threads=2)


def alone(reranker: OnnxReranker, query: str, passages: list[str]) -> list[float]:
    return [float(reranker.score(query, [passage])[0]) for passage in passages]


def test_it_is_a_reranker(reranker: OnnxReranker) -> None:
    assert isinstance(reranker, Reranker)
    assert (reranker.name, reranker.revision) == ("small", "int8-1")
    assert (reranker.max_tokens, reranker.max_query_tokens) == (512, 192)
    assert reranker.languages == {"en"}
    assert reranker.blend is None
    assert reranker.fingerprint.startswith("small@int8-1+")


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_a_score_does_not_depend_on_batch_mates(tmp_path: Path, precision: str) -> None:
    reranker = OnnxReranker(write_reranker(tmp_path, precision=precision), threads=2)  # type: ignore[arg-type]
    assert reranker.score(QUERY, PASSAGES).tolist() == alone(reranker, QUERY, PASSAGES)


@settings(max_examples=40, deadline=None)
@given(query=any_text, passages=st.lists(any_text, max_size=6), copies=st.integers(1, 5))
def test_any_texts_in_any_company_have_the_scores_they_have_alone(
    reranker: OnnxReranker, query: str, passages: list[str], copies: int
) -> None:
    together = reranker.score(query, passages * copies)
    assert np.isfinite(together).all()
    assert together.tolist() == alone(reranker, query, passages) * copies


def test_scores_come_in_the_order_of_the_texts(reranker: OnnxReranker) -> None:
    forward, backward = reranker.score(QUERY, PASSAGES), reranker.score(QUERY, PASSAGES[::-1])
    np.testing.assert_array_equal(forward, backward[::-1])
    assert len(set(forward.tolist())) == len(PASSAGES)


def test_the_number_of_threads_changes_nothing(reranker: OnnxReranker, reranker_folder: Path) -> None:
    one_thread = OnnxReranker(reranker_folder, threads=1).score(QUERY, PASSAGES)
    np.testing.assert_array_equal(one_thread, reranker.score(QUERY, PASSAGES))


def test_concurrent_queries_get_the_scores_they_get_alone(
    reranker: OnnxReranker, reranker_folder: Path
) -> None:
    queries = [f"{QUERY} article {i}" for i in range(12)]
    fresh = OnnxReranker(reranker_folder, threads=2)
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda query: fresh.score(query, PASSAGES), queries))
    for query, scores in zip(queries, together, strict=True):
        np.testing.assert_array_equal(scores, reranker.score(query, PASSAGES))


def test_no_texts_give_an_empty_array(reranker: OnnxReranker) -> None:
    scores = reranker.score(QUERY, [])
    assert scores.shape == (0,)
    assert scores.dtype == np.float32


def test_empty_and_blank_passages_share_a_score(reranker: OnnxReranker) -> None:
    assert len(set(reranker.score(QUERY, ["", " \n\t", "\u200b"]).tolist())) == 1


def test_a_lone_surrogate_counts_as_the_replacement_character(reranker: OnnxReranker) -> None:
    torn, replaced = reranker.score("a\ud800b?", ["x \ud83d y", "x \ufffd y"])
    assert torn == replaced
    assert reranker.score("a\ufffdb?", ["x \ufffd y"])[0] == replaced


def test_a_long_passage_has_the_score_of_its_best_window(reranker: OnnxReranker) -> None:
    # One token a word: beside a query of one, a window has 508 of the 10,000 words and begins 476 on.
    words = np.random.default_rng(0).choice(["tax", "rain", "cat", "law", "house"], 10_000).tolist()
    starts = [*range(0, 9_492, 476), 9_492]
    windows = [" ".join(words[start : start + 508]) for start in starts]
    whole = reranker.score("cat", [" ".join(words)])[0]
    assert whole == reranker.score("cat", windows).max()


def test_a_query_counts_up_to_its_last_token_that_fits(reranker: OnnxReranker) -> None:
    full, cut = ["law " * n + "rain" for n in (600, 191)]
    kept = reranker.score("law " * 192, PASSAGES)
    np.testing.assert_array_equal(reranker.score(full, PASSAGES), kept)
    assert not np.array_equal(reranker.score(cut, PASSAGES), kept)


def test_more_passages_than_a_slice_keep_their_order(reranker: OnnxReranker) -> None:
    words = [f"word {i % 7}" for i in range(2050)]
    scores = reranker.score("word 3", words)
    np.testing.assert_array_equal(scores[:7], scores[1022:1029])
    np.testing.assert_array_equal(scores[2043:2050], np.roll(scores[:7], -(2043 % 7)))


def test_a_model_that_also_reads_answers_scores_all_the_same(reranker: OnnxReranker, tmp_path: Path) -> None:
    reading = OnnxReranker(write_reranker(tmp_path, reader=True))
    np.testing.assert_allclose(
        reading.score(QUERY, PASSAGES), reranker.score(QUERY, PASSAGES), rtol=0.01, atol=0.01
    )


def test_fewer_than_one_thread_is_refused(reranker_folder: Path) -> None:
    with pytest.raises(ConfigError, match="reranker: threads is 0; give 1 or more"):
        OnnxReranker(reranker_folder, threads=0)


FORKED = """
import os, sys
from ragkit.models.cross_encoder import OnnxReranker
reranker = OnnxReranker(sys.argv[1], threads=2)
before = reranker.score("one?", ["one", "two", "three of them"])
child = os.fork()
if child == 0:
    os._exit(int((reranker.score("one?", ["one", "two", "three of them"]) != before).any()))
raise SystemExit(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_scores_on_threads_of_its_own(reranker_folder: Path) -> None:
    run = subprocess.run([sys.executable, "-c", FORKED, str(reranker_folder)], timeout=60, check=False)
    assert run.returncode == 0
