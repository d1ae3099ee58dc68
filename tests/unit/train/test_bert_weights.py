"""Weights read back out of a graph are those that it was made from, up to its integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra train: make test EXTRAS=all")

from ragkit.errors import ModelError
from ragkit.models.embedder import BUNDLED
from ragkit.train.bert_graph import BertShape, cross_encoder, sentence_encoder
from ragkit.train.bert_weights import bert_weights, read_bert_weights
from tests.unit.models import small_reranker

SHAPE: BertShape = small_reranker.SHAPE


@pytest.mark.parametrize("reader", [False, True])
def test_weights_of_a_float_graph_come_back_exactly(reader: bool) -> None:
    weights = small_reranker.weights()
    read = bert_weights(cross_encoder(weights, SHAPE, "fp32", reader=reader))
    expected = {name for name in weights if reader or not name.startswith("reader")}
    assert read.tensors.keys() == expected
    assert all(np.array_equal(value, weights[name]) for name, value in read.tensors.items())
    assert read.heads == SHAPE.heads
    assert read.norm_epsilon == pytest.approx(SHAPE.norm_epsilon)


@pytest.mark.parametrize("reader", [False, True])
def test_weights_of_an_integer_graph_come_back_within_half_a_step(reader: bool) -> None:
    weights = small_reranker.weights()
    read = bert_weights(cross_encoder(weights, SHAPE, "int8", reader=reader)).tensors
    for name, value in read.items():
        step = np.abs(weights[name]).max() / 64
        assert np.abs(value - weights[name]).max() <= 0.51 * step, name


def test_an_integer_graph_made_of_what_was_read_is_the_same_graph() -> None:
    first = cross_encoder(small_reranker.weights(), SHAPE, "int8")
    again = cross_encoder(bert_weights(first).tensors, SHAPE, "int8")
    other = bert_weights(again).tensors
    for name, value in bert_weights(first).tensors.items():
        assert np.allclose(other[name], value, rtol=1e-6), name


def test_what_smoothing_did_to_the_weights_is_undone() -> None:
    weights = small_reranker.weights()
    loud = np.linspace(0.01, 20.0, small_reranker.WIDTH, dtype=np.float32)
    magnitudes = {name.removesuffix(".weight"): loud for name in weights if name.endswith("LayerNorm.weight")}
    read = bert_weights(cross_encoder(weights, SHAPE, "int8", magnitudes=magnitudes)).tensors
    for name, value in read.items():
        assert np.abs(value - weights[name]).mean() <= 0.05 * np.abs(weights[name]).mean(), name


def test_an_encoder_without_segments_has_a_table_of_zeros() -> None:
    weights = small_reranker.weights()
    read = bert_weights(sentence_encoder(weights, SHAPE, "fp32")).tensors
    types = weights["embeddings.token_type_embeddings.weight"]
    positions = weights["embeddings.position_embeddings.weight"]
    assert not read["embeddings.token_type_embeddings.weight"].any()
    assert np.array_equal(read["embeddings.position_embeddings.weight"], positions + types[0])


def test_the_bundled_encoder_can_be_read() -> None:
    read = read_bert_weights(BUNDLED / "model.onnx")
    assert read.heads == 12
    assert read.tensors["embeddings.word_embeddings.weight"].shape == (30522, 384)
    assert read.tensors["encoder.layer.5.attention.self.value.weight"].shape == (384, 384)


def test_a_file_that_is_no_model_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match="is not an ONNX model"):
        read_bert_weights(path)
    model = cross_encoder(small_reranker.weights(), SHAPE, "fp32")
    del model.graph.initializer[:]
    with pytest.raises(ModelError, match="lacks words, positions"):
        bert_weights(model)
