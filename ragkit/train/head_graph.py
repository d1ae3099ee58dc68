"""The ONNX graph of a head on a question's token vectors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, load_model_from_string, numpy_helper

from ragkit.models.late_head import HEAD_INPUTS, HEAD_OUTPUTS
from ragkit.train.bert_graph import MOST_EMPHASIS
from ragkit.train.bert_graph_nodes import GraphNodes

NAMES = ("change", "shift", "weigher")


def head_graph(weights: Mapping[str, NDArray[np.float32]]) -> ModelProto:
    """The graph that makes `vector + change · vector + shift` of each vector, and multiplies each weight by
    the exponential of `weigher · vector`, cut to ±3.

    Args:
        weights: `change [d, d]`, `shift [d]` and `weigher [d]`; all 0: nothing is changed.
    """
    g = GraphNodes()
    vectors, counts = HEAD_INPUTS
    width = len(weights["shift"])
    change = g.constant("change", weights["change"].T)
    moved = g.op("Add", g.op("MatMul", vectors, change), g.constant("shift", weights["shift"]))
    g.result(HEAD_OUTPUTS[0], "Add", vectors, moved)
    weighed = g.op("Mul", vectors, g.constant("weigher", weights["weigher"]))
    emphasis = g.op("ReduceSum", weighed, g.integers(-1), keepdims=0)
    cut = g.op("Clip", emphasis, g.number(-MOST_EMPHASIS), g.number(MOST_EMPHASIS))
    g.result(HEAD_OUTPUTS[1], "Mul", counts, g.op("Exp", cut))
    return g.model("late_head", _ports(HEAD_INPUTS, width), _ports(HEAD_OUTPUTS, width))


def head_weights(content: bytes) -> dict[str, NDArray[np.float32]]:
    """What `head_graph` was made of.

    Raises:
        ValueError: the file is no such graph.
    """
    graph = load_model_from_string(content).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer if one.name in NAMES}
    if held.keys() != set(NAMES):
        raise ValueError(f"it lacks {', '.join(sorted(set(NAMES) - held.keys()))}")
    return {**held, "change": np.ascontiguousarray(held["change"].T)}


def _ports(names: tuple[str, ...], width: int) -> list[ValueInfoProto]:
    sizes: list[list[str | int]] = [["batch", "tokens", width], ["batch", "tokens"]]
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
        for name, size in zip(names, sizes, strict=True)
    ]
