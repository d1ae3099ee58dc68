"""How large the channels of an encoder's activations get, which its conversion to int8 can then even out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ragkit.train.bert_graph_encoder import BertEncoder, BertShape, Weights

_ERRORS_ONLY = 3


def channel_magnitudes(
    weights: Weights, shape: BertShape, pairs: Iterable[Mapping[str, NDArray[np.int64]]]
) -> dict[str, NDArray[np.float32]]:
    """The largest absolute value of each channel after each LayerNorm, over all tokens of all pairs.

    Args:
        weights: as for `cross_encoder`.
        shape: as for `cross_encoder`.
        pairs: `input_ids` and `segments`, int64 `[batch, tokens]`, as `ragkit.models.pairs.pair_arrays`
            makes them. Some dozens, of the kind and the languages that the model will score.

    Returns:
        By the name of the LayerNorm, float32 `[width]`.
    """
    session = _session(weights, shape)
    names = [port.name for port in session.get_outputs()]
    largest = {name: np.zeros(weights[f"{name}.weight"].shape, np.float32) for name in names}
    for pair in pairs:
        for name, found in zip(names, session.run(names, dict(pair)), strict=True):
            largest[name] = np.maximum(largest[name], found)
    return largest


def _session(weights: Weights, shape: BertShape) -> onnxruntime.InferenceSession:
    encoder = BertEncoder(weights, shape, "fp32")
    g, rows = encoder.graph, encoder.tokens(segments="segments")
    for number in range(shape.layers):
        rows = encoder.layer(number, rows)
    norms = dict(encoder.norms)
    for name, output in norms.items():
        flat = g.op("Reshape", g.op("Abs", output), g.integers(-1, encoder.width))
        g.result(name, "ReduceMax", flat, g.integers(0), keepdims=0)
    sizes = ["batch", "tokens"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, sizes) for name in ("input_ids", "segments")
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [encoder.width]) for name in norms]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # threads that spin while others want the cores are slower than one
    options.log_severity_level = _ERRORS_ONLY
    model = g.model("magnitudes", inputs, outputs).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
