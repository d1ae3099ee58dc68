"""Nodes and constants of an ONNX graph in the making."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

MICROSOFT = "com.microsoft"  # operators that ONNX Runtime adds: integer product with scales, fused attention


@dataclass(slots=True)
class GraphNodes:
    """Nodes and constants in the making; `op` returns the name of the node's output.

    Args:
        prefix: of the names that are given to nodes and small constants, so that two graphs can be joined.
    """

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)
    prefix: str = ""

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def number(self, value: float) -> str:
        return self.constant(f"{self.prefix}number_{value!r}", np.array(value, np.float32))

    def integers(self, *values: int) -> str:
        return self.constant(
            f"{self.prefix}integers_{'_'.join(map(str, values))}", np.array(values, np.int64)
        )

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.outputs(kind, 1, *inputs, domain=domain, **attributes)[0]

    def outputs(self, kind: str, count: int, *inputs: str, domain: str = "", **attributes: Any) -> list[str]:
        label = f"{self.prefix}{kind}_{len(self.nodes)}"
        names = [f"{label}_{i}" for i in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=label, domain=domain, **attributes))
        return names

    def result(self, name: str, kind: str, *inputs: str, **attributes: Any) -> None:
        """A last node, whose output is the model's output `name`."""
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))

    def model(
        self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> ModelProto:
        """What was written so far, as a model."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, list(self.constants.values()))
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)
