"""The token-by-token reranker: a pair's score is its own, every text has one, all of a passage is read."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ConfigError, ModelError
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.models.late_reranker import LateReranker
from ragkit.models.reranker_folder import open_reranker
from ragkit.protocols import BlendingReranker
from tests.unit.models.small_late import SCALE, write_late
from tests.unit.models.small_reranker import approve, rewrite

QUERY = "when is an invoice due?"
PASSAGES = [
    "An invoice is due within thirty days of receipt.",
    "A reminder is sent within sixty days of receipt.",  # as many tokens as the one before
    "",
    "Почта России доставила посылку за три дня.",
    "tax " * 600,
    "日本の税法は複雑です。",
]

any_text = st.text(st.characters(exclude_categories=[]), max_size=80)


@pytest.fixture(scope="module")
def late_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_late(tmp_path_factory.mktemp("late"))


@pytest.fixture(scope="module")
def reranker(late_folder: Path) -> LateReranker:
    return LateReranker(late_folder, threads=2)


@pytest.fixture
def damaged(late_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(late_folder, tmp_path / "model"))


def alone(folder: Path, query: str, passages: list[str]) -> list[float]:
    keeps_nothing = LateReranker(folder, threads=1, kept_mb=0)
    return [float(keeps_nothing.score(query, [passage])[0]) for passage in passages]


def test_it_is_a_reranker_that_can_be_blended(reranker: LateReranker, late_folder: Path) -> None:
    assert isinstance(reranker, BlendingReranker)
    assert (reranker.name, reranker.languages) == ("small-late", frozenset({"en"}))
    assert reranker.blend is None
    assert isinstance(open_reranker(late_folder), LateReranker)


def test_a_score_depends_neither_on_batch_mates_nor_on_what_was_kept(
    reranker: LateReranker, late_folder: Path
) -> None:
    expected = alone(late_folder, QUERY, PASSAGES)
    for _ in range(2):  # the second time from what was kept
        assert reranker.score(QUERY, [*PASSAGES, *PASSAGES]).tolist() == expected * 2


@settings(max_examples=25, deadline=None)
@given(query=any_text, passages=st.lists(any_text, max_size=5))
def test_any_texts_have_scores_within_the_scale(
    reranker: LateReranker, query: str, passages: list[str]
) -> None:
    scores = reranker.score(query, passages)
    assert scores.shape == (len(passages),)
    assert (np.abs(scores) <= SCALE * np.sqrt(np.pi / 2)).all()


def test_concurrent_queries_get_the_scores_they_get_alone(late_folder: Path) -> None:
    queries = [f"{QUERY} article {i}" for i in range(8)]
    fresh, other = LateReranker(late_folder, threads=2), LateReranker(late_folder, threads=1)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda query: fresh.score(query, PASSAGES), queries))
    for query, scores in zip(queries, together, strict=True):
        np.testing.assert_array_equal(scores, other.score(query, PASSAGES))


def test_a_passage_that_repeats_the_query_has_the_highest_score(reranker: LateReranker) -> None:
    same, other = reranker.score(QUERY, [QUERY, "It rained in May."])
    assert same == pytest.approx(SCALE, rel=0.2)  # signs of few numbers
    assert other < same


def test_what_has_no_token_scores_nothing(reranker: LateReranker) -> None:
    assert reranker.score(QUERY, ["", " \n\t", "\u200b"]).tolist() == [0.0, 0.0, 0.0]
    assert reranker.score(" ", PASSAGES[:2]).tolist() == [0.0, 0.0]
    assert reranker.score(QUERY, []).shape == (0,)


def test_every_token_of_a_passage_of_ten_thousand_counts(reranker: LateReranker) -> None:
    # One token a word: a window has 254 of them and begins 222 after the one before.
    words = np.random.default_rng(0).choice(["tax", "rain", "cat", "law", "house"], 10_000).tolist()
    windows = [" ".join(words[start : start + 254]) for start in (*range(0, 9_746, 222), 9_746)]
    whole = reranker.score("cat", [" ".join(words)])[0]
    assert whole == reranker.score("cat", windows).max()  # a query of one token has one best match


def test_a_query_counts_up_to_its_last_token_that_fits(reranker: LateReranker) -> None:
    kept = reranker.score("law " * 128, PASSAGES)
    np.testing.assert_array_equal(reranker.score("law " * 400 + "rain", PASSAGES), kept)
    assert not np.array_equal(reranker.score("law " * 127 + "rain", PASSAGES), kept)


def test_rounding_to_integers_moves_a_score_little(reranker: LateReranker, tmp_path: Path) -> None:
    exact = LateReranker(write_late(tmp_path, precision="fp32")).score(QUERY, PASSAGES)
    np.testing.assert_allclose(reranker.score(QUERY, PASSAGES), exact, atol=0.1 * SCALE)


def test_wrong_settings_are_refused(late_folder: Path) -> None:
    with pytest.raises(ConfigError, match="threads is 0; give 1 or more"):
        LateReranker(late_folder, threads=0)
    with pytest.raises(ConfigError, match="kept_mb is -1; give 0"):
        LateReranker(late_folder, kept_mb=-1)


def test_a_folder_of_the_other_kind_is_refused(late_folder: Path, reranker_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"holds a reranker, and a late-reranker is needed"):
        LateReranker(reranker_folder)
    with pytest.raises(ModelError, match=r"holds a late-reranker, and a reranker is needed.*rerank/"):
        OnnxReranker(late_folder)


def test_a_manifest_that_leaves_no_room_is_refused(damaged: Path) -> None:
    rewrite(damaged, max_tokens=120)
    with pytest.raises(ModelError, match="max_tokens 120 leaves 118 tokens for a text"):
        LateReranker(damaged)


def test_one_changed_byte_of_the_weights_is_refused(damaged: Path) -> None:
    content = bytearray((damaged / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.onnx was changed or is damaged.*fetch the model again"):
        LateReranker(damaged).score("who?", ["hello"])


def test_nan_is_an_error_that_names_the_text(damaged: Path) -> None:
    weights = (damaged / "model.onnx").read_bytes()
    step = np.float32(1 / 127).tobytes()
    assert step in weights
    (damaged / "model.onnx").write_bytes(weights.replace(step, np.float32("nan").tobytes()))
    approve(damaged)
    with pytest.raises(ModelError, match=r"NaN or infinity for 1 of 1 queries, first for number 0: 'who\?'"):
        LateReranker(damaged).score("who?", ["hello", "world"])
