"""Products of bits and small numbers: exact, whatever their shape."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from ragkit.models.bit_products import GRAPH, products


def test_the_graph_is_the_product_and_nothing_else() -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["bits", "levels"], ["products"])],
        "product",
        [
            helper.make_tensor_value_info("bits", TensorProto.UINT8, ["n", "d"]),
            helper.make_tensor_value_info("levels", TensorProto.INT8, ["d", "q"]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, ["n", "q"])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert onnx.load_model_from_string(GRAPH) == made
    onnx.checker.check_model(made)


@given(st.integers(1, 70), st.integers(1, 400), st.integers(1, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_products_are_those_of_whole_numbers(n: int, d: int, q: int, seed: int, is_extreme: bool) -> None:
    drawn = np.random.default_rng(seed)
    bits = np.ones((n, d), np.uint8) if is_extreme else drawn.integers(0, 2, (n, d), np.uint8)
    levels = drawn.integers(-127, 128, (d, q)).astype(np.int8)
    if is_extreme:
        levels = np.where(levels < 0, -127, 127).astype(np.int8)
    found = products(bits, levels)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, bits.astype(np.int64) @ levels.astype(np.int64))
