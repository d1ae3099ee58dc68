"""BERT models as ONNX graphs, written node by node from their weights, without torch.

One call takes texts of equal token length, so there is no padding and no attention mask, and a text's
result cannot depend on the texts beside it. Precisions:

- `fp32`: the reference.
- `int8`: weights as integers with one scale per output channel; each token's activations are quantised
  with their own scale at run time (one scale for the whole call would tie texts to each other, and lets
  one large token coarsen all others); the embedding table is stored with one scale per row.

Weights use 7 of the 8 bits. Processors without VNNI add two products of 8-bit numbers in a saturating
16-bit register: 2 x 255 x 64 = 32,640 fits, 2 x 255 x 127 does not. So the integer arithmetic is exact,
and an index made on one processor can be asked on another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from ragkit.train.bert_graph_encoder import BertEncoder, BertShape, Precision, Weights
from ragkit.train.bert_graph_int8 import Quantisation
from ragkit.train.bert_graph_nodes import GraphNodes

# Error of a model in which only what GELU gives is quantised: .0033 with 128, .0023 with 32, .0027 with 16,
# .0042 with 8 (measured as SMOOTHING was).
GELU_ZERO_POINT = 32

__all__ = [
    "BertShape",
    "Precision",
    "Weights",
    "cross_encoder",
    "sentence_encoder",
    "token_encoder",
    "token_extension",
]

MOST_EMPHASIS = 3.0  # what the token weigher adds to the logarithm of a weight, at most


def sentence_encoder(weights: Weights, shape: BertShape, precision: Precision) -> ModelProto:
    """The ONNX model of a BERT encoder with mean pooling and unit length.

    Args:
        weights: tensors under their names in the published checkpoint (`encoder.layer.0....`), float32.
        shape: the encoder's sizes.
        precision: `fp32` or `int8`, see the module's text.

    Returns:
        A model with the input `input_ids`, int64 `[batch, tokens]`, rows of equal length, and the output
        `sentence_embedding`, float32 `[batch, width]`, rows of unit length.
    """
    encoder = BertEncoder(weights, shape, precision)
    g = encoder.graph
    rows = encoder.tokens()
    for number in range(shape.layers):
        rows = encoder.layer(number, rows)
    mean = g.op("ReduceMean", encoder.unfolded(rows), g.integers(1), keepdims=0)
    length = g.op("Max", g.op("ReduceL2", mean, g.integers(1), keepdims=1), g.number(1e-12))
    g.result("sentence_embedding", "Div", mean, length)
    vectors = _tensor("sentence_embedding", TensorProto.FLOAT, "batch", encoder.width)
    return g.model("encoder", [_tensor("input_ids", TensorProto.INT64, "batch", "tokens")], [vectors])


def cross_encoder(
    weights: Weights,
    shape: BertShape,
    precision: Precision,
    *,
    reader: bool = False,
    magnitudes: Mapping[str, NDArray[np.float32]] | None = None,
    fp32_layers: frozenset[int] = frozenset(),
) -> ModelProto:
    """The ONNX model that reads a query and a passage together and scores how well the one answers the other.

    The score is `classifier.weight [1, width] · first token + classifier.bias [1]` on the last layer, without
    a pooler. Without `reader` the last layer is computed for the first token only, which spares a seventh of
    six layers' work.

    Args:
        weights: the encoder's tensors under their names in the published checkpoint, and `classifier.…`.
        shape: the encoder's sizes.
        precision: `fp32` or `int8`, see the module's text; the heads are float32 in both.
        reader: whether the model also tells where in the passage the answer is likely to start and end,
            with `reader.weight [2, width]` and `reader.bias [2]`.
        magnitudes: what `channel_magnitudes` measured on pairs like those that the model will score: it
            brings an `int8` model three times nearer to the fp32 one, for 2% of the time.
        fp32_layers: numbers of layers, from 0, that stay `fp32` in an `int8` model.

    Returns:
        A model with the inputs `input_ids` and `segments` (0 to the query's end, 1 after it), int64
        `[batch, tokens]`, rows of equal length, and the output `score`, float32 `[batch]`, a logit; with
        `reader` also `start` and `end`, float32 `[batch, tokens]`, logits.
    """
    how = Quantisation(fp32_layers, magnitudes or {}, gelu_zero_point=GELU_ZERO_POINT)
    encoder = BertEncoder(weights, shape, precision, how)
    rows, last = encoder.tokens(segments="segments"), shape.layers - 1
    for number in range(last):
        rows = encoder.layer(number, rows)
    outputs = [_tensor("score", TensorProto.FLOAT, "batch")]
    if reader:
        rows = encoder.layer(last, rows)
        first = encoder.first_tokens(rows)
        for row, output in enumerate(("start", "end")):
            _weighted_sum(encoder.graph, output, encoder.unfolded(rows), weights, "reader", row)
            outputs.append(_tensor(output, TensorProto.FLOAT, "batch", "tokens"))
    else:
        first = encoder.last_layer_of_first_token(last, rows)
    _weighted_sum(encoder.graph, "score", first, weights, "classifier", 0)
    inputs = [_tensor(name, TensorProto.INT64, "batch", "tokens") for name in ("input_ids", "segments")]
    return encoder.graph.model("cross_encoder", inputs, outputs)


def token_encoder(
    weights: Weights,
    shape: BertShape,
    precision: Precision,
    *,
    magnitudes: Mapping[str, NDArray[np.float32]] | None = None,
) -> ModelProto:
    """The ONNX model that gives each token a vector of unit length, and a weight for where it is asked for.

    A token's weight is `token_weights[id]` times the exponential of `weigher.weight [1, width] · vector`, the
    latter before it is brought to unit length and cut to ±3.

    Args:
        weights: the encoder's tensors under their names in the published checkpoint, `token_weights [words]`
            and `weigher.weight`.
        shape: the encoder's sizes.
        precision: `fp32` or `int8`, see the module's text; what comes after the layers is float32 in both.
        magnitudes: as for `cross_encoder`, of texts alone.

    Returns:
        A model with the input `input_ids`, int64 `[batch, tokens]`, rows of equal length, and the outputs
        `vectors`, float32 `[batch, tokens, width]`, and `weights`, float32 `[batch, tokens]`.
    """
    how = Quantisation(magnitudes=magnitudes or {}, gelu_zero_point=GELU_ZERO_POINT)
    encoder = BertEncoder(weights, shape, precision, how)
    g, rows = encoder.graph, encoder.tokens()
    for number in range(shape.layers):
        rows = encoder.layer(number, rows)
    outputs = _token_outputs(g, encoder.unfolded(rows), weights)
    return g.model("token_encoder", [_tensor("input_ids", TensorProto.INT64, "batch", "tokens")], outputs)


def token_extension(encoder: ModelProto, weights: Weights) -> ModelProto:
    """What makes a `token_encoder` of a sentence encoder's file when its bytes are put behind that file's.

    Protocol buffers join messages that follow one another, so nothing of the encoder is there twice. Source:
    https://protobuf.dev/programming-guides/encoding/#last-one-wins

    Args:
        encoder: as `sentence_encoder` gives it.
        weights: `token_weights [words]` and `weigher.weight`.
    """
    pooled = next(node for node in encoder.graph.node if node.op_type == "ReduceMean")
    g = GraphNodes(prefix="late_")
    outputs = _token_outputs(g, pooled.input[0], weights)
    extension = ModelProto()
    extension.graph.node.extend(g.nodes)
    extension.graph.initializer.extend(g.constants.values())
    extension.graph.output.extend(outputs)
    return extension


def _token_outputs(g: GraphNodes, tokens: str, weights: Weights) -> list[ValueInfoProto]:
    """Vectors and weights of the rows `tokens [batch, tokens, width]` of the last layer."""
    length = g.op("Max", g.op("ReduceL2", tokens, g.integers(-1), keepdims=1), g.number(1e-12))
    g.result("vectors", "Div", tokens, length)
    weigher = g.constant("weigher.0.weight", weights["weigher.weight"][0])
    emphasis = g.op("ReduceSum", g.op("Mul", tokens, weigher), g.integers(-1), keepdims=0)
    cut = g.op("Clip", emphasis, g.number(-MOST_EMPHASIS), g.number(MOST_EMPHASIS))
    plain = g.op("Gather", g.constant("token_weights", weights["token_weights"]), "input_ids", axis=0)
    g.result("weights", "Mul", plain, g.op("Exp", cut))
    return [
        _tensor("vectors", TensorProto.FLOAT, "batch", "tokens", weights["weigher.weight"].shape[1]),
        _tensor("weights", TensorProto.FLOAT, "batch", "tokens"),
    ]


def _weighted_sum(g: GraphNodes, output: str, vectors: str, weights: Weights, head: str, row: int) -> None:
    # Not MatMul: with one row it is summed in another order than with several.
    weight = g.constant(f"{head}.{row}.weight", weights[f"{head}.weight"][row])
    bias = g.constant(f"{head}.{row}.bias", weights[f"{head}.bias"][row : row + 1])
    total = g.op("ReduceSum", g.op("Mul", vectors, weight), g.integers(-1), keepdims=0)
    g.result(output, "Add", total, bias)


def _tensor(name: str, kind: int, *sizes: str | int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(sizes))
