"""Tensors in other files are found wherever a model may keep a tensor, and nowhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    SparseTensorProto,
    TensorProto,
)

from ragkit.models.embedder import BUNDLED
from ragkit.models.external_data import has_external_data


def tensor(location: TensorProto.DataLocation) -> TensorProto:
    return TensorProto(name="w", dims=[2], data_type=1, data_location=location, raw_data=b"\x70\x01" * 4)


def with_attribute(attribute: AttributeProto) -> ModelProto:
    return ModelProto(graph=GraphProto(node=[NodeProto(attribute=[attribute])]))


PLACES: dict[str, Callable[[TensorProto], ModelProto]] = {
    "initializer": lambda t: ModelProto(graph=GraphProto(initializer=[t])),
    "values": lambda t: ModelProto(graph=GraphProto(sparse_initializer=[SparseTensorProto(values=t)])),
    "indices": lambda t: ModelProto(graph=GraphProto(sparse_initializer=[SparseTensorProto(indices=t)])),
    "t": lambda t: with_attribute(AttributeProto(t=t)),
    "tensors": lambda t: with_attribute(AttributeProto(tensors=[t])),
    "g": lambda t: with_attribute(AttributeProto(g=GraphProto(initializer=[t]))),
    "graphs": lambda t: with_attribute(AttributeProto(graphs=[GraphProto(initializer=[t])])),
    "sparse": lambda t: with_attribute(AttributeProto(sparse_tensor=SparseTensorProto(values=t))),
    "sparses": lambda t: with_attribute(AttributeProto(sparse_tensors=[SparseTensorProto(values=t)])),
    "function": lambda t: ModelProto(
        functions=[FunctionProto(node=[NodeProto(attribute=[AttributeProto(t=t)])])]
    ),
    "default": lambda t: ModelProto(functions=[FunctionProto(attribute_proto=[AttributeProto(t=t)])]),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_in_another_file_is_found(place: str) -> None:
    assert has_external_data(PLACES[place](tensor(TensorProto.EXTERNAL)).SerializeToString())
    assert not has_external_data(PLACES[place](tensor(TensorProto.DEFAULT)).SerializeToString())


def test_the_bundled_model_is_one_file() -> None:
    assert not has_external_data((BUNDLED / "model.onnx").read_bytes())


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        has_external_data(content)


@pytest.mark.parametrize("size", range(1, 12))
def test_a_model_that_ends_early_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="ends within a"):
        has_external_data(PLACES["initializer"](tensor(TensorProto.EXTERNAL)).SerializeToString()[:size])
