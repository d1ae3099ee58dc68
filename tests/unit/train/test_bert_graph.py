"""The written graphs compute what BERT computes, and an int8 graph stays near its fp32 one."""

from __future__ import annotations

from math import erf

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto

from ragkit.train.bert_graph import (
    Weights,
    cross_encoder,
    sentence_encoder,
    token_encoder,
    token_extension,
)
from ragkit.train.bert_graph_calibration import channel_magnitudes
from tests.unit.models.small_late import late_weights
from tests.unit.models.small_reranker import SHAPE, WIDTH, weights

Feed = dict[str, NDArray[np.int64]]


def pair(tokens: int, seed: int, rows: int = 1) -> Feed:
    ids = np.random.default_rng(seed).integers(0, 30522, (rows, tokens))
    return {"input_ids": ids, "segments": (np.arange(tokens) > 4).astype(np.int64)[None].repeat(rows, 0)}


def run(model: ModelProto, feed: Feed, *outputs: str) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[NDArray[np.float32]] = session.run(list(outputs) or ["score"], feed)
    return found


def by_hand(w: Weights, ids: NDArray[np.int64], segments: NDArray[np.int64]) -> NDArray[np.float32]:
    """The last layer's rows for one text, as the BERT paper has them."""

    def dense(x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        spread = np.sqrt(x.var(axis=1, keepdims=True) + 1e-12)
        scaled: NDArray[np.float32] = (x - x.mean(axis=1, keepdims=True)) / spread
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    gelu = np.vectorize(lambda x: x * (1 + erf(x / 2**0.5)) / 2, otypes=[np.float32])
    table = "embeddings.{}_embeddings.weight".format
    x = w[table("word")][ids] + w[table("position")][: len(ids)] + w[table("token_type")][segments]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(SHAPE.layers):
        name, size = f"encoder.layer.{layer}", WIDTH // SHAPE.heads
        query, key, value = (
            dense(x, f"{name}.attention.self.{part}").reshape(-1, SHAPE.heads, size).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        weight = np.exp(query @ key.swapaxes(1, 2) / size**0.5)
        seen = (weight / weight.sum(axis=2, keepdims=True) @ value).swapaxes(0, 1).reshape(-1, WIDTH)
        output = f"{name}.attention.output"
        x = norm(x + dense(seen, f"{output}.dense"), f"{output}.LayerNorm")
        wide = gelu(dense(x, f"{name}.intermediate.dense"))
        x = norm(x + dense(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    return x


@pytest.mark.parametrize("tokens", [1, 3, 17, 90])
@pytest.mark.parametrize("reader", [False, True])
def test_fp32_computes_what_the_paper_says(tokens: int, reader: bool) -> None:
    w, feed = weights(), pair(tokens, seed=tokens)
    rows = by_hand(w, feed["input_ids"][0], feed["segments"][0])
    score = run(cross_encoder(w, SHAPE, "fp32", reader=reader), feed)[0]
    np.testing.assert_allclose(score, rows[0] @ w["classifier.weight"][0] + w["classifier.bias"], atol=1e-4)


def test_the_reader_marks_every_token() -> None:
    w, feed = weights(), pair(20, seed=1)
    rows = by_hand(w, feed["input_ids"][0], feed["segments"][0])
    found = run(cross_encoder(w, SHAPE, "fp32", reader=True), feed, "start", "end")
    expected = rows @ w["reader.weight"].T + w["reader.bias"]
    np.testing.assert_allclose(np.stack([one[0] for one in found], axis=1), expected, atol=1e-4)


def scores(model: ModelProto) -> NDArray[np.float32]:
    return run(model, pair(30, seed=100, rows=64))[0]


def test_int8_stays_near_fp32() -> None:
    exact = scores(cross_encoder(weights(), SHAPE, "fp32"))
    assert np.corrcoef(exact, scores(cross_encoder(weights(), SHAPE, "int8")))[0, 1] > 0.99


def test_layers_kept_in_fp32_bring_it_nearer() -> None:
    exact = scores(cross_encoder(weights(), SHAPE, "fp32"))
    kept = scores(cross_encoder(weights(), SHAPE, "int8", fp32_layers=frozenset({0, 1})))
    assert (
        np.abs(kept - exact).mean() < np.abs(scores(cross_encoder(weights(), SHAPE, "int8")) - exact).mean()
    )


def loud() -> Weights:
    """Weights with one channel that drowns the others, as trained ones have."""
    w = weights()
    for name in w:
        if name.endswith("LayerNorm.weight"):
            w[name][3] = 40.0
        elif name.endswith(("query.weight", "key.weight", "value.weight", "intermediate.dense.weight")):
            w[name][:, 3] /= 40.0
    return w


def test_measured_magnitudes_keep_a_loud_channel_from_drowning_the_others() -> None:
    w = loud()
    magnitudes = channel_magnitudes(w, SHAPE, [pair(40, seed=seed) for seed in range(8)])
    exact, plain = scores(cross_encoder(w, SHAPE, "fp32")), scores(cross_encoder(w, SHAPE, "int8"))
    smoothed = scores(cross_encoder(w, SHAPE, "int8", magnitudes=magnitudes))
    assert np.abs(smoothed - exact).mean() < np.abs(plain - exact).mean() / 2


def test_magnitudes_are_the_largest_values_after_each_norm() -> None:
    feed = pair(12, seed=3)
    magnitudes = channel_magnitudes(weights(), SHAPE, [feed])
    rows = by_hand(weights(), feed["input_ids"][0], feed["segments"][0])
    assert len(magnitudes) == 1 + 2 * SHAPE.layers
    np.testing.assert_allclose(
        magnitudes["encoder.layer.1.output.LayerNorm"], np.abs(rows).max(axis=0), atol=1e-4
    )


def test_the_same_weights_give_the_same_bytes() -> None:
    first, again = (cross_encoder(weights(), SHAPE, "int8") for _ in range(2))
    assert first.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)


def tokens_alone(seed: int) -> Feed:
    return {"input_ids": pair(15, seed)["input_ids"]}


def test_token_vectors_and_weights_are_of_the_last_layers_rows() -> None:
    w, feed = late_weights(), tokens_alone(5)
    ids = feed["input_ids"][0]
    rows = by_hand(w, ids, np.zeros_like(ids))
    vectors, found = run(token_encoder(w, SHAPE, "fp32"), feed, "vectors", "weights")
    np.testing.assert_allclose(vectors[0], rows / np.linalg.norm(rows, axis=1)[:, None], atol=1e-4)
    emphasis = np.clip(rows @ w["weigher.weight"][0], -3, 3)
    np.testing.assert_allclose(found[0], w["token_weights"][ids] * np.exp(emphasis), rtol=1e-3)


def test_bytes_put_behind_an_encoders_make_the_token_encoder() -> None:
    w, feed = late_weights(), tokens_alone(6)
    encoder = sentence_encoder(w, SHAPE, "fp32")
    content = encoder.SerializeToString() + token_extension(encoder, w).SerializeToString()
    whole = run(token_encoder(w, SHAPE, "fp32"), feed, "vectors", "weights")
    joined = run(ModelProto.FromString(content), feed, "vectors", "weights")
    for one, other in zip(whole, joined, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
