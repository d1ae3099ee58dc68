"""`rerank/onnx` from a configuration: a model of the user's own sets the order."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit import registry
from ragkit.config.defaults import default_text
from ragkit.config.load import load_config
from ragkit.errors import ConfigError, ModelError
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.protocols import Reranker


def test_it_scores_as_the_model_of_its_folder(reranker_folder: Path) -> None:
    own = registry.load("rerank/onnx")(folder=str(reranker_folder), threads=1)
    assert isinstance(own, Reranker)
    texts = ["An invoice is due in May.", "It rained."]
    assert own.score("due?", texts).tolist() == OnnxReranker(reranker_folder).score("due?", texts).tolist()


def test_its_folder_must_be_given() -> None:
    with pytest.raises(ConfigError, match="rerank/onnx: folder: missing"):
        registry.load("rerank/onnx")()


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a model folder"):
        registry.load("rerank/onnx")(folder=tmp_path)


def test_a_wrong_number_of_threads_is_refused(reranker_folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"rerank/onnx: threads: .*greater than or equal to 1"):
        registry.load("rerank/onnx")(folder=reranker_folder, threads=0)


def test_a_relative_folder_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "rag.yaml"
    text = default_text().replace("models:", "models:\n  own: {use: rerank/onnx, folder: mine}", 1)
    file.write_text(text, encoding="utf-8")
    assert load_config(file, env={}).models["own"].settings.as_keywords()["folder"] == tmp_path / "mine"
