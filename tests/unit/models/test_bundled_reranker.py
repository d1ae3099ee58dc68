"""`rerank/bundled`: the file that continues the embedder's, what it ranks, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ragkit import registry
from ragkit.errors import ConfigError, ModelError
from ragkit.models.bundled_embedder import BundledEmbedder
from ragkit.models.bundled_reranker import BUNDLED_RERANKER, BundledReranker
from ragkit.models.embedder import BUNDLED, OnnxEmbedder
from ragkit.models.late_reranker import LateReranker
from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import LateManifest, read_manifest
from ragkit.protocols import BlendingReranker
from ragkit.rerank.blend import Blend
from tests.unit.models.small_reranker import rewrite

QUERY = "How long may I keep a rented car?"
RIGHT = "A car from the pool can be borrowed for up to three days; after that it must be brought back."
PASSAGES = [
    "Rent for the flat is due on the first of the month, and must be transferred in time.",
    RIGHT,
    "How long the meeting takes depends on the agenda. Keep it short.",
    "The car park opens at six and closes at ten.",
]


@pytest.fixture(scope="module")
def reranker() -> BundledReranker:
    return registry.load("rerank/bundled")(threads=1)  # type: ignore[no-any-return]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The reranker's folder beside its embedder's, to be damaged."""
    shutil.copytree(BUNDLED, tmp_path / BUNDLED.name)
    return Path(shutil.copytree(BUNDLED_RERANKER, tmp_path / "reranker"))


def test_it_finds_the_passage_that_says_it_in_other_words(reranker: BundledReranker) -> None:
    assert isinstance(reranker, BlendingReranker)
    assert PASSAGES[int(reranker.score(QUERY, PASSAGES).argmax())] == RIGHT


def test_a_rare_word_counts_more_than_a_frequent_one(reranker: BundledReranker) -> None:
    frequent, rare = reranker.score("the zoning of the area", ["the of the", "zoning"])
    assert rare > frequent


def test_its_file_is_small_and_comes_with_card_licence_and_blend(reranker: BundledReranker) -> None:
    assert sum(path.stat().st_size for path in BUNDLED_RERANKER.iterdir()) < 1_000_000
    assert "Apache License" in (BUNDLED_RERANKER / "LICENSE").read_text(encoding="utf-8")
    card = (BUNDLED_RERANKER / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert reranker.name in card
    blend = Blend.given(reranker.name, reranker.blend or {})
    assert 0 < blend.model < blend.first


def test_the_mean_of_its_token_vectors_is_the_embedders_vector() -> None:
    manifest = read_manifest(BUNDLED_RERANKER, LateManifest)
    model = LoadedModel(
        BUNDLED_RERANKER,
        manifest,
        inputs=("input_ids",),
        outputs=("sentence_embedding", "vectors", "weights"),
    )
    ids = model.tokenizer().encode([RIGHT], max_tokens=256)
    pooled, vectors, weights = model.run({"input_ids": np.array(ids, np.int64)})
    np.testing.assert_array_equal(pooled, OnnxEmbedder(threads=1).embed([RIGHT], "passage"))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), 1.0, atol=1e-5)
    assert weights.min() >= 0
    assert weights.max() <= 1


LONG = " ".join(f"{word} {i}" for i in range(300) for word in ("rent", "car", "pool"))


@pytest.mark.parametrize("threads", [1, 2])
def test_one_pass_gives_the_embedders_vectors_and_what_scores_the_same(threads: int) -> None:
    embedder, fresh = BundledEmbedder(threads=threads), BundledReranker(kept_mb=0)
    texts = [*PASSAGES, "", " ", LONG, "Почта России", PASSAGES[0]]
    assert fresh.reads_with(embedder)
    vectors, readings = fresh.embed_and_read(texts, embedder)
    np.testing.assert_array_equal(vectors, OnnxEmbedder(threads=1).embed(texts, "passage"))
    scores, n_read = fresh.score_read(QUERY, texts, readings)
    assert n_read == 0
    np.testing.assert_array_equal(scores, fresh.score(QUERY, texts))
    counts = embedder.count_tokens(PASSAGES)
    sizes = [(len(reading) - 12) / n for reading, n in zip(readings, counts, strict=False)]
    assert sizes == [fresh.manifest.dimension / 8] * len(PASSAGES)


def test_what_cannot_be_used_is_read_again_and_changes_no_score(reranker: BundledReranker) -> None:
    _, readings = reranker.embed_and_read(PASSAGES, BundledEmbedder(threads=1))
    fresh = BundledReranker(threads=1, kept_mb=0)
    spoilt = [None, readings[0], readings[2][:-1] + bytes([readings[2][-1] ^ 4]), readings[3]]
    scores, n_read = fresh.score_read(QUERY, PASSAGES, spoilt)
    assert n_read == 3
    np.testing.assert_array_equal(scores, fresh.score(QUERY, PASSAGES))


def test_it_reads_along_with_no_other_embedder(reranker: BundledReranker, folders: Path) -> None:
    other = folders.parent / BUNDLED.name
    assert reranker.reads_with(OnnxEmbedder(other))
    rewrite(other, max_tokens=128)
    assert not reranker.reads_with(OnnxEmbedder(other))
    rewrite(other, max_tokens=256, prefixes={"passage": "passage: "})
    assert not reranker.reads_with(OnnxEmbedder(other))


def test_another_encoder_beneath_it_is_refused(folders: Path) -> None:
    encoder = folders.parent / BUNDLED.name / "model.onnx"
    encoder.write_bytes(encoder.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"minilm/model\.onnx was changed or is damaged: sha256"):
        LateReranker(folders).score(QUERY, PASSAGES)


def test_a_missing_encoder_is_named(folders: Path) -> None:
    (folders.parent / BUNDLED.name / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"minilm/model\.onnx cannot be read"):
        LateReranker(folders).score(QUERY, PASSAGES)


def test_a_continuation_of_nothing_is_refused(folders: Path) -> None:
    rewrite(folders, extends=None)
    with pytest.raises(ModelError, match=r"model\.onnx cannot be loaded by onnxruntime"):
        LateReranker(folders).score(QUERY, PASSAGES)


def test_what_it_continues_shapes_its_fingerprint(folders: Path) -> None:
    before = LateReranker(folders).fingerprint
    extends = json.loads((folders / "model.json").read_text())["extends"]
    rewrite(folders, extends={**extends, "sha256": "0" * 64})
    assert LateReranker(folders).fingerprint != before


def test_wrong_settings_are_told_by_their_key() -> None:
    with pytest.raises(ConfigError, match=r"rerank/bundled: kept_mb: .*greater than or equal to 0"):
        registry.load("rerank/bundled")(kept_mb=-1)


def test_dense_arm_and_reranker_share_one_pass_over_a_question(
    reranker: BundledReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, run = list[int](), LoadedModel.run

    def counted(model: LoadedModel, feed: dict[str, np.ndarray], outputs: list[str]) -> list[np.ndarray]:
        asked.append(feed["input_ids"].shape[1])
        return run(model, feed, outputs)

    passages = [reranker.score(QUERY, [text])[0] for text in PASSAGES]  # read, and kept
    monkeypatch.setattr(LoadedModel, "run", counted)
    question = "Who has to bring the pool's car back?"
    vector = BundledEmbedder(threads=1).embed([question], "query")
    reranker.score(question, PASSAGES)
    assert len(asked) == 1
    assert (reranker.score(QUERY, PASSAGES) == passages).all()
    assert (BundledEmbedder(threads=1).embed([question], "query") == vector).all()
    assert len(asked) == 1


@pytest.mark.parametrize("question", [QUERY, "", "tax " * 140, "tax " * 300, "Сколько дней?"])
def test_a_shared_pass_changes_no_bit(reranker: BundledReranker, question: str) -> None:
    alone, apart = OnnxEmbedder(threads=1), LateReranker(BUNDLED_RERANKER, threads=1)
    for _ in range(2):
        vector = BundledEmbedder(threads=1).embed([question], "query")
        assert (vector == alone.embed([question], "query")).all()
        assert (vector == alone.embed([question, "another"], "passage")[:1]).all()
        assert (reranker.score(question, PASSAGES) == apart.score(question, PASSAGES)).all()
