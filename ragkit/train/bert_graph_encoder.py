"""The layers of a BERT encoder as ONNX nodes, at one precision for each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ragkit.train.bert_graph_int8 import (
    TABLE_LEVELS,
    ZERO_POINT,
    Quantisation,
    quantised_product,
    quantised_rows,
    smoothed,
)
from ragkit.train.bert_graph_nodes import MICROSOFT, GraphNodes

Precision = Literal["fp32", "int8"]
Weights = Mapping[str, NDArray[np.float32]]

GELU_MINIMUM = -0.1701


@dataclass(frozen=True, slots=True)
class BertShape:
    """Sizes of an encoder. `positions` is how many token positions are kept from its table."""

    layers: int
    heads: int
    positions: int
    norm_epsilon: float


class BertEncoder:
    """Writes the encoder of `shape` into `graph`, node by node.

    Args:
        weights: tensors under their names in the published checkpoint (`encoder.layer.0....`), float32.
        shape: the encoder's sizes.
        precision: of the embedding table and of the layers.
        quantisation: how, where the precision is `int8`.
    """

    def __init__(
        self,
        weights: Weights,
        shape: BertShape,
        precision: Precision,
        quantisation: Quantisation | None = None,
    ):
        self.graph = GraphNodes()
        self.norms: dict[str, str] = {}
        """Outputs of the LayerNorms written so far, by the name of their weights."""
        self.weights = weights
        self.shape = shape
        self.width = weights["embeddings.LayerNorm.weight"].shape[0]
        self._precision = precision
        self._how = quantisation or Quantisation()
        self._sizes = ""

    def tokens(self, *, segments: str | None = None) -> str:
        """Rows `[batch * tokens, width]` that go into the first layer; call it first.

        Args:
            segments: the model's input that tells each token's segment; None: all are of the first.
        """
        g = self.graph
        hidden = self._embedded(segments)
        self._sizes = g.op("Concat", g.op("Shape", "input_ids"), g.integers(self.width), axis=0)
        return g.op("Reshape", hidden, g.integers(-1, self.width))

    def layer(self, number: int, rows: str) -> str:
        """Rows after one layer."""
        name, precision = f"encoder.layer.{number}.", self._of(number)
        projected = self._joined(number, ("query", "key", "value"), rows)
        heads = [
            self.unfolded(part) for part in self.graph.outputs("Split", 3, projected, axis=1, num_outputs=3)
        ]
        return self._after_attention(name, heads, rows, precision)

    def last_layer_of_first_token(self, number: int, rows: str) -> str:
        """Rows `[batch, width]` after one layer: of the first token of each text, all that it needs.

        Keys and values are of all tokens, the rest of the layer, 5/6 of its work, is of one token a text.
        """
        g = self.graph
        name, precision = f"encoder.layer.{number}.", self._of(number)
        first = self.first_tokens(rows)
        projected = self._joined(number, ("key", "value"), rows)
        seen = [self.unfolded(part) for part in g.outputs("Split", 2, projected, axis=1, num_outputs=2)]
        asking = self._joined(number, ("query",), first)
        heads = [g.op("Reshape", asking, g.integers(-1, 1, self.width)), *seen]
        return self._after_attention(name, heads, first, precision)

    def unfolded(self, rows: str) -> str:
        """Rows of all tokens as `[batch, tokens, width]`."""
        return self.graph.op("Reshape", rows, self._sizes)

    def first_tokens(self, rows: str) -> str:
        """Of rows of all tokens those of each text's first, `[batch, width]`."""
        g = self.graph
        return g.op(
            "Reshape", g.op("Gather", self.unfolded(rows), g.integers(0), axis=1), g.integers(-1, self.width)
        )

    def _of(self, layer: int) -> Precision:
        return "fp32" if layer in self._how.fp32_layers else self._precision

    def _embedded(self, segments: str | None) -> str:
        g, weights = self.graph, self.weights
        table = weights["embeddings.word_embeddings.weight"]
        if self._precision == "fp32":
            words = g.op("Gather", g.constant("words", table), "input_ids", axis=0)
        else:
            integers, scale = quantised_rows(table, TABLE_LEVELS)
            row = g.op("Gather", g.constant("words", integers), "input_ids", axis=0)
            row_scale = g.op("Gather", g.constant("words.scale", scale[:, None]), "input_ids", axis=0)
            words = g.op("Mul", g.op("Cast", row, to=TensorProto.FLOAT), row_scale)
        positions = weights["embeddings.position_embeddings.weight"][: self.shape.positions]
        types = weights["embeddings.token_type_embeddings.weight"]
        if segments is None:
            positions = positions + types[0]
        else:
            words = g.op("Add", words, g.op("Gather", g.constant("segments.table", types), segments, axis=0))
        count = g.op("Gather", g.op("Shape", "input_ids"), g.integers(1), axis=0)
        places = g.op("Slice", g.constant("positions", positions), g.integers(0), count, g.integers(0))
        return self._norm("embeddings.LayerNorm", g.op("Add", words, places))

    def _joined(self, layer: int, parts: tuple[str, ...], rows: str) -> str:
        name = f"encoder.layer.{layer}."
        joined = np.concatenate([self.weights[f"{name}attention.self.{part}.weight"] for part in parts])
        norm = f"encoder.layer.{layer - 1}.output.LayerNorm" if layer else "embeddings.LayerNorm"
        # The name counts only inside the file: a whole layer's is the one that published files have.
        label = f"{name}attention" if len(parts) == 3 else f"{name}attention.{'_'.join(parts)}"
        return self._product(label, rows, joined, self._of(layer), norm=norm)

    def _after_attention(self, name: str, heads: list[str], skipped: str, precision: Precision) -> str:
        g = self.graph
        bias = np.concatenate(
            [self.weights[f"{name}attention.self.{part}.bias"] for part in ("query", "key", "value")]
        )
        # As fast as MatMul, Softmax and Transpose written out, with fewer nodes.
        attended = g.op(
            "MultiHeadAttention",
            *heads,
            g.constant(f"{name}attention.bias", bias),
            domain=MICROSOFT,
            num_heads=self.shape.heads,
        )
        attended = g.op("Reshape", attended, g.integers(-1, self.width))
        rows = self._residual(f"{name}attention.output", attended, skipped, precision)
        inner = f"{name}intermediate.dense"
        wide = self._product(
            inner,
            rows,
            self.weights[f"{inner}.weight"],
            precision,
            norm=f"{name}attention.output.LayerNorm",
        )
        # The tanh form is within 0.0005 of the exact one, far less than the int8 step that follows.
        gelu = "BiasGelu" if precision == "fp32" else "FastGelu"
        wide = g.op(gelu, wide, g.constant(f"{inner}.bias", self.weights[f"{inner}.bias"]), domain=MICROSOFT)
        return self._residual(f"{name}output", wide, rows, precision, lowest=GELU_MINIMUM)

    def _residual(
        self, name: str, rows: str, skipped: str, precision: Precision, lowest: float | None = None
    ) -> str:
        # SkipLayerNormalization would fuse this, and is seven times slower than its parts on CPU
        # (onnxruntime 1.32: 417 against 60 microseconds at 198 x 384).
        g = self.graph
        weight = self.weights[f"{name}.dense.weight"]
        dense = self._product(f"{name}.dense", rows, weight, precision, lowest=lowest)
        bias = g.constant(f"{name}.dense.bias", self.weights[f"{name}.dense.bias"])
        return self._norm(f"{name}.LayerNorm", g.op("Add", g.op("Add", dense, bias), skipped))

    def _norm(self, name: str, rows: str) -> str:
        g = self.graph
        gain = g.constant(f"{name}.weight", self.weights[f"{name}.weight"])
        offset = g.constant(f"{name}.bias", self.weights[f"{name}.bias"])
        self.norms[name] = g.op(
            "LayerNormalization", rows, gain, offset, axis=-1, epsilon=self.shape.norm_epsilon
        )
        return self.norms[name]

    def _product(
        self,
        name: str,
        rows: str,
        weight: NDArray[np.float32],
        precision: Precision,
        *,
        norm: str = "",
        lowest: float | None = None,
    ) -> str:
        """`rows [tokens, in] @ weight[out, in].T`, without bias.

        Args:
            norm: the LayerNorm that gave `rows`; empty if none did.
            lowest: no value of `rows` is below it.
        """
        g = self.graph
        if precision == "fp32":
            return g.op("MatMul", rows, g.constant(f"{name}.transposed", weight.T))
        if norm in self._how.magnitudes:
            rows, weight = smoothed(g, f"{name}.smoothing", rows, weight, self._how.magnitudes[norm])
        zero_point = ZERO_POINT if lowest is None else self._how.gelu_zero_point
        return quantised_product(g, name, rows, weight, zero_point=zero_point, lowest=lowest)
