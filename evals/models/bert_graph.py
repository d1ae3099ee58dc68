"""A BERT sentence encoder as an ONNX graph, written node by node from its weights, without torch.

One call takes texts of equal token length, so there is no padding and no attention mask, and a text's
vector cannot depend on the texts beside it. Precisions:

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
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Precision = Literal["fp32", "int8"]
Weights = Mapping[str, NDArray[np.float32]]

MICROSOFT = "com.microsoft"  # operators that ONNX Runtime adds: integer product with scales, fused attention
WEIGHT_LEVELS = 64
ZERO_POINT = 128
TABLE_LEVELS = 127
GELU_MINIMUM = -0.1701


@dataclass(frozen=True, slots=True)
class BertShape:
    """Sizes of an encoder. `positions` is how many token positions are kept from its table."""

    layers: int
    heads: int
    positions: int
    norm_epsilon: float


@dataclass(slots=True)
class _Graph:
    """Nodes and constants in the making; `op` returns the name of the node's output."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def number(self, value: float) -> str:
        return self.constant(f"number_{value!r}", np.array(value, np.float32))

    def integers(self, *values: int) -> str:
        return self.constant(f"integers_{'_'.join(map(str, values))}", np.array(values, np.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.outputs(kind, 1, *inputs, domain=domain, **attributes)[0]

    def outputs(self, kind: str, count: int, *inputs: str, domain: str = "", **attributes: Any) -> list[str]:
        label = f"{kind}_{len(self.nodes)}"
        names = [f"{label}_{i}" for i in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=label, domain=domain, **attributes))
        return names


def quantised_rows(matrix: NDArray[np.float32], levels: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Integers in `-levels..levels` and one scale per row, so that `integers * scale` is near `matrix`."""
    scale = np.maximum(np.abs(matrix).max(axis=1), 1e-12) / levels
    integers = np.clip(np.rint(matrix / scale[:, None]), -levels, levels).astype(np.int8)
    return integers, scale.astype(np.float32)


class _Encoder:
    """Writes the encoder of `shape` at one precision into a graph."""

    def __init__(self, weights: Weights, shape: BertShape, precision: Precision):
        self.weights = weights
        self.shape = shape
        self.precision = precision
        self.graph = _Graph()
        # The tanh form is within 0.0005 of the exact one, far less than the int8 step that follows.
        self._gelu = "BiasGelu" if precision == "fp32" else "FastGelu"

    def build(self) -> ModelProto:
        """Token ids `[batch, tokens]` in, unit vectors `[batch, width]` out."""
        g = self.graph
        hidden = self._embed_tokens()
        width = self.weights["embeddings.LayerNorm.weight"].shape[0]
        batch_tokens_width = g.op("Concat", g.op("Shape", "input_ids"), g.integers(width), axis=0)
        rows = g.op("Reshape", hidden, g.integers(-1, width))
        for layer in range(self.shape.layers):
            rows = self._layer(f"encoder.layer.{layer}.", rows, batch_tokens_width, width)
        tokens = g.op("Reshape", rows, batch_tokens_width)
        mean = g.op("ReduceMean", tokens, g.integers(1), keepdims=0)
        length = g.op("Max", g.op("ReduceL2", mean, g.integers(1), keepdims=1), g.number(1e-12))
        g.nodes.append(helper.make_node("Div", [mean, length], ["sentence_embedding"]))
        return self._model(width)

    def _embed_tokens(self) -> str:
        g, weights = self.graph, self.weights
        table = weights["embeddings.word_embeddings.weight"]
        if self.precision == "fp32":
            words = g.op("Gather", g.constant("words", table), "input_ids", axis=0)
        else:
            integers, scale = quantised_rows(table, TABLE_LEVELS)
            row = g.op("Gather", g.constant("words", integers), "input_ids", axis=0)
            row_scale = g.op("Gather", g.constant("words.scale", scale[:, None]), "input_ids", axis=0)
            words = g.op("Mul", g.op("Cast", row, to=TensorProto.FLOAT), row_scale)
        # Sentences are single segments: the first segment's vector is the same for every token.
        positions = (
            weights["embeddings.position_embeddings.weight"][: self.shape.positions]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        count = g.op("Gather", g.op("Shape", "input_ids"), g.integers(1), axis=0)
        places = g.op("Slice", g.constant("positions", positions), g.integers(0), count, g.integers(0))
        return self._norm("embeddings.LayerNorm", g.op("Add", words, places))

    def _layer(self, name: str, rows: str, batch_tokens_width: str, width: int) -> str:
        g = self.graph
        parts = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
        joined = np.concatenate([self.weights[f"{part}.weight"] for part in parts])
        bias = np.concatenate([self.weights[f"{part}.bias"] for part in parts])
        projected = self._product(f"{name}attention", rows, joined)
        heads = [
            g.op("Reshape", part, batch_tokens_width)
            for part in g.outputs("Split", 3, projected, axis=1, num_outputs=3)
        ]
        # As fast as MatMul, Softmax and Transpose written out, with fewer nodes.
        attended = g.op(
            "MultiHeadAttention",
            *heads,
            g.constant(f"{name}attention.bias", bias),
            domain=MICROSOFT,
            num_heads=self.shape.heads,
        )
        attended = g.op("Reshape", attended, g.integers(-1, width))
        rows = self._residual(f"{name}attention.output", attended, rows)
        inner = f"{name}intermediate.dense"
        wide = self._product(inner, rows, self.weights[f"{inner}.weight"])
        wide = g.op(
            self._gelu, wide, g.constant(f"{inner}.bias", self.weights[f"{inner}.bias"]), domain=MICROSOFT
        )
        return self._residual(f"{name}output", wide, rows, lowest=GELU_MINIMUM)

    def _residual(self, name: str, rows: str, skipped: str, lowest: float | None = None) -> str:
        # SkipLayerNormalization would fuse this, and is seven times slower than its parts on CPU
        # (onnxruntime 1.32: 417 against 60 microseconds at 198 x 384).
        g = self.graph
        dense = self._product(f"{name}.dense", rows, self.weights[f"{name}.dense.weight"], lowest)
        bias = g.constant(f"{name}.dense.bias", self.weights[f"{name}.dense.bias"])
        return self._norm(f"{name}.LayerNorm", g.op("Add", g.op("Add", dense, bias), skipped))

    def _norm(self, name: str, rows: str) -> str:
        g = self.graph
        gain = g.constant(f"{name}.weight", self.weights[f"{name}.weight"])
        offset = g.constant(f"{name}.bias", self.weights[f"{name}.bias"])
        return g.op("LayerNormalization", rows, gain, offset, axis=-1, epsilon=self.shape.norm_epsilon)

    def _product(self, name: str, rows: str, weight: NDArray[np.float32], lowest: float | None = None) -> str:
        """`rows [tokens, in] @ weight[out, in].T`, without bias. `lowest`: no value of `rows` is below it."""
        g = self.graph
        if self.precision == "fp32":
            return g.op("MatMul", rows, g.constant(f"{name}.transposed", weight.T))
        integers, weight_scale = quantised_rows(weight, WEIGHT_LEVELS)
        # A known lowest value spares a pass for magnitudes; a row of zeros must not divide by zero.
        ranged, floor = (g.op("Abs", rows), 1e-6) if lowest is None else (rows, -lowest)
        largest = g.op("Max", g.op("ReduceMax", ranged, g.integers(-1), keepdims=0), g.number(floor))
        row_scale = g.op("Mul", largest, g.number(1 / 127))
        zero = g.constant("zero_point", np.array(ZERO_POINT, np.uint8))
        row_zero = g.op("Expand", zero, g.op("Shape", row_scale))
        product = g.op(
            "MatMulIntegerToFloat",
            g.op("QuantizeLinear", rows, row_scale, row_zero, axis=0),
            g.constant(f"{name}.integers", integers.T),
            g.number(1.0),
            g.constant(f"{name}.scale", weight_scale),
            zero,
            domain=MICROSOFT,
        )
        return g.op("Mul", product, g.op("Unsqueeze", row_scale, g.integers(-1)))

    def _model(self, width: int) -> ModelProto:
        ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
        vectors = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", width])
        graph = helper.make_graph(
            self.graph.nodes, "encoder", [ids], [vectors], list(self.graph.constants.values())
        )
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


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
    return _Encoder(weights, shape, precision).build()
