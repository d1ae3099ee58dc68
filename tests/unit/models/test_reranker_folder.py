"""A reranker's folder that is not what it should be: a typed error tells what is wrong and what mends it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import ModelError
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.models.embedder import BUNDLED, OnnxEmbedder
from ragkit.models.manifest import RerankerManifest, read_manifest
from tests.unit.models.small_reranker import approve, rewrite


@pytest.fixture
def folder(reranker_folder: Path, tmp_path: Path) -> Path:
    """A copy of the small reranker that a test may damage."""
    return Path(shutil.copytree(reranker_folder, tmp_path / "model"))


def score(folder: Path) -> None:
    OnnxReranker(folder).score("who?", ["hello", "world"])


def test_an_embedder_is_refused_as_reranker() -> None:
    with pytest.raises(ModelError, match=r"holds an embedder, and a reranker is needed.*OnnxEmbedder\("):
        OnnxReranker(BUNDLED)


def test_a_reranker_is_refused_as_embedder(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"holds a reranker, and an embedder is needed.*rerank/onnx"):
        OnnxEmbedder(folder)


def test_an_unknown_kind_is_refused(folder: Path) -> None:
    rewrite(folder, kind="generator")
    with pytest.raises(ModelError, match=r"not a model manifest(.|\n)*kind"):
        OnnxReranker(folder)


def test_a_manifest_that_leaves_no_room_for_a_passage_is_refused(folder: Path) -> None:
    rewrite(folder, max_tokens=200)
    with pytest.raises(ModelError, match="max_tokens 200 leaves 5 tokens for a passage"):
        OnnxReranker(folder)


def test_an_embedders_weights_under_a_rerankers_manifest_are_refused(folder: Path) -> None:
    shutil.copy(BUNDLED / "model.onnx", folder / "model.onnx")
    approve(folder)
    with pytest.raises(
        ModelError, match="takes input_ids and gives sentence_embedding; a model of the kind 'reranker'"
    ):
        score(folder)


def test_one_changed_byte_of_the_weights_is_refused(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(
        ModelError, match=r"model\.onnx was changed or is damaged.*fetch the model again; .*train again"
    ):
        score(folder)


def test_weights_cut_short_are_refused_by_their_checksum(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"model\.onnx was changed or is damaged"):
        score(folder)


def test_weights_cut_short_before_the_checksum_was_made_are_refused(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])
    approve(folder)
    with pytest.raises(ModelError, match=r"model\.onnx cannot be loaded by onnxruntime"):
        score(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        score(folder)


def test_nan_is_an_error_that_names_the_passage(folder: Path) -> None:
    weights = (folder / "model.onnx").read_bytes()
    quantisation_step = np.float32(1 / 127).tobytes()
    assert quantisation_step in weights
    (folder / "model.onnx").write_bytes(weights.replace(quantisation_step, np.float32("nan").tobytes()))
    approve(folder)
    with pytest.raises(ModelError, match=r"NaN or infinity for 2 of 2 passages, first for number 0: 'hello'"):
        score(folder)


def test_a_run_that_fails_says_what_may_be_wrong(folder: Path) -> None:
    # More tokens than the model has positions.
    rewrite(folder, max_tokens=600)
    with pytest.raises(ModelError, match=r"small@int8-1\S+ failed: (.|\n)*convert or fetch the model again"):
        OnnxReranker(folder, threads=2).score("who?", ["short", "word " * 590])


def test_a_blend_is_kept_and_changes_no_score(folder: Path) -> None:
    before = OnnxReranker(folder).fingerprint
    rewrite(folder, blend={"weight": 0.5})
    reranker = OnnxReranker(folder)
    assert reranker.blend == {"weight": 0.5}
    assert reranker.fingerprint == before


def test_what_shapes_a_score_shapes_the_fingerprint(folder: Path) -> None:
    manifest = read_manifest(folder, RerankerManifest)
    others = [
        manifest.model_copy(update={"max_query_tokens": 100}),
        manifest.model_copy(update={"max_tokens": 400}),
        manifest.model_copy(update={"sha256": manifest.sha256 | {"model.onnx": "0" * 64}}),
        manifest.model_copy(update={"revision": "int8-2"}),
    ]
    assert len({manifest.fingerprint, *(other.fingerprint for other in others)}) == 5
