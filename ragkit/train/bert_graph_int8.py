"""Products of activations and weights as 8-bit integers, each token with its own scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.train.bert_graph_nodes import MICROSOFT, GraphNodes

WEIGHT_LEVELS = 64
TABLE_LEVELS = 127
ZERO_POINT = 128

# Error of the last layer on 40 pairs of all-MiniLM-L6-v2, as a part of its variance: without smoothing .0210;
# with the power 0.3 .0092, 0.5 .0073, 0.7 .0069, 1 .0107.
SMOOTHING = 0.6
QUIETEST = 1e-3


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How an `int8` model is quantised. As it is by default, the bundled embedder was converted.

    Args:
        fp32_layers: numbers of layers, from 0, that stay `fp32`.
        magnitudes: by the name of a LayerNorm, the largest value of each of its channels, float32 `[width]`
            (`channel_magnitudes` measures them). The activations of a loud channel are divided, and the
            weights that they meet multiplied, by a power of its magnitude, so that it no longer sets the
            step of all others (Xiao et al., "SmoothQuant", ICML 2023). Without: no smoothing.
        gelu_zero_point: the integer that stands for 0 in what GELU gives, which is never under -0.1701: 128
            spends half of the integers on values that do not occur.
    """

    fp32_layers: frozenset[int] = frozenset()
    magnitudes: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    gelu_zero_point: int = ZERO_POINT


def quantised_rows(matrix: NDArray[np.float32], levels: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Integers in `-levels..levels` and one scale per row, so that `integers * scale` is near `matrix`."""
    scale = np.maximum(np.abs(matrix).max(axis=1), 1e-12) / levels
    integers = np.clip(np.rint(matrix / scale[:, None]), -levels, levels).astype(np.int8)
    return integers, scale.astype(np.float32)


def smoothed(
    g: GraphNodes, name: str, rows: str, weight: NDArray[np.float32], magnitudes: NDArray[np.float32]
) -> tuple[str, NDArray[np.float32]]:
    """`rows` and `weight[out, in]` with the same product, the channels of `rows` brought near each other.

    What the weights were multiplied by is undone by the constant `name`: their product with it is as before.
    """
    scale: NDArray[np.float32] = (np.maximum(magnitudes, QUIETEST) ** SMOOTHING).astype(np.float32)
    return g.op("Mul", rows, g.constant(name, 1 / scale)), weight * scale


def quantised_product(
    g: GraphNodes,
    name: str,
    rows: str,
    weight: NDArray[np.float32],
    *,
    zero_point: int = ZERO_POINT,
    lowest: float | None = None,
) -> str:
    """`rows [tokens, in] @ weight[out, in].T`.

    Args:
        zero_point: the integer that stands for 0 in `rows`.
        lowest: no value of `rows` is below it; None where that is not known.
    """
    integers, weight_scale = quantised_rows(weight, WEIGHT_LEVELS)
    row_scale = _row_scale(g, rows, zero_point, lowest)
    label = "zero_point" if zero_point == ZERO_POINT else f"zero_point_{zero_point}"
    zero = g.constant(label, np.array(zero_point, np.uint8))
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


def _row_scale(g: GraphNodes, rows: str, zero_point: int, lowest: float | None) -> str:
    """The step between the integers of each row."""
    above = 255 - zero_point
    # A known lowest value spares a pass for magnitudes; a row of zeros must not divide by zero.
    ranged, floor = g.op("Abs", rows) if lowest is None else rows, 1e-6
    if lowest is not None:
        floor = -lowest * above / min(zero_point, above)
    largest = g.op("Max", g.op("ReduceMax", ranged, g.integers(-1), keepdims=0), g.number(floor))
    return g.op("Mul", largest, g.number(1 / above))
