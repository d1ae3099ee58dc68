"""The weights of a BERT model read back out of the ONNX graphs that `ragkit.train.bert_graph` writes.

What the graph joined is taken apart again: query, key and value of an attention, and the rows of a head.
Integers become float32 by their scales, so weights of an `int8` graph are those that it computes with, not
the ones that it was made from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from ragkit.errors import ModelError

Array = NDArray[np.generic]
Weights = dict[str, NDArray[np.float32]]

_PARTS = {
    "attention": ("query", "key", "value"),
    "attention.key_value": ("key", "value"),
    "attention.query": ("query",),
}
_PRODUCT = re.compile(r"(?P<name>.+)\.(?P<form>integers|transposed)")
_JOINED = re.compile(r"(?P<layer>encoder\.layer\.\d+\.)(?P<kind>attention(?:\.key_value|\.query)?)")
_HEAD = re.compile(r"(?P<head>classifier|reader|weigher)\.(?P<row>\d+)\.(?P<part>weight|bias)")


@dataclass(frozen=True, slots=True, eq=False)
class BertWeights:
    """Tensors of a BERT model under the names of published checkpoints, and what does not show in them."""

    tensors: Weights
    heads: int
    norm_epsilon: float


def read_bert_weights(path: Path) -> BertWeights:
    """The weights of a model file.

    An encoder that knows no segments has the first segment added to its positions: its segment table comes
    back as zeros.

    Raises:
        ModelError: the file is no ONNX model, or not one that `ragkit.train.bert_graph` wrote.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} is not an ONNX model: {error}. Fetch or train the model again") from error
    return parsed_bert_weights(content, source=str(path))


def parsed_bert_weights(content: bytes, *, source: str) -> BertWeights:
    """As `read_bert_weights`, of a file's content; `source` is its name in messages."""
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own errors share no other base
        raise ModelError(f"{source} is not an ONNX model: {error}. Fetch or train the model again") from error
    return bert_weights(model, source=source)


def bert_weights(model: ModelProto, *, source: str = "the model") -> BertWeights:
    """As `read_bert_weights`, of a model in memory."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    heads, epsilon = _attribute(model, "num_heads"), _attribute(model, "epsilon")
    missing = [
        name for name in ("words", "positions", "embeddings.LayerNorm.weight") if name not in constants
    ]
    if missing or heads is None or epsilon is None:
        lacks = ", ".join(missing) or "an attention or a normalisation"
        raise ModelError(
            f"{source} lacks {lacks}: expected a model that ragkit wrote. Models of other makers are ONNX "
            "graphs of another form, from which training cannot start"
        )
    return BertWeights(_tensors(constants), heads=int(heads), norm_epsilon=float(epsilon))


def _tensors(constants: Mapping[str, Array]) -> Weights:
    words = constants["words"].astype(np.float32)
    if "words.scale" in constants:
        words = words * constants["words.scale"].astype(np.float32)
    types = constants.get("segments.table", np.zeros((2, words.shape[1]), np.float32))
    found: Weights = {
        "embeddings.word_embeddings.weight": words,
        "embeddings.position_embeddings.weight": constants["positions"].astype(np.float32),
        "embeddings.token_type_embeddings.weight": types.astype(np.float32),
    }
    heads: dict[str, dict[int, NDArray[np.float32]]] = {}
    for name, value in constants.items():
        if (product := _PRODUCT.fullmatch(name)) is not None:
            found |= _product(product["name"], product["form"], value, constants)
        elif (head := _HEAD.fullmatch(name)) is not None:
            heads.setdefault(f"{head['head']}.{head['part']}", {})[int(head["row"])] = value.astype(
                np.float32
            )
        elif name == "token_weights":
            found[name] = value.astype(np.float32)
        elif name.endswith(".attention.bias"):
            layer = name.removesuffix("attention.bias")
            for part, bias in zip(_PARTS["attention"], np.split(value, 3), strict=True):
                found[f"{layer}attention.self.{part}.bias"] = bias.astype(np.float32)
        elif name.startswith(("embeddings.", "encoder.")) and name.endswith((".weight", ".bias")):
            found[name] = value.astype(np.float32)
    for name, rows in heads.items():
        joined = np.stack([rows[i].ravel() for i in sorted(rows)])
        found[name] = joined.ravel() if name.endswith(".bias") else joined
    return found


def _product(name: str, form: str, value: Array, constants: Mapping[str, Array]) -> Weights:
    matrix = value.T.astype(np.float32)
    if form == "integers":
        matrix = matrix * constants[f"{name}.scale"].astype(np.float32)[:, None]
    if f"{name}.smoothing" in constants:
        matrix = matrix * constants[f"{name}.smoothing"].astype(np.float32)
    joined = _JOINED.fullmatch(name)
    if joined is None:
        return {f"{name}.weight": matrix}
    parts = _PARTS[joined["kind"]]
    split = np.split(matrix, len(parts))
    return {
        f"{joined['layer']}attention.self.{part}.weight": rows
        for part, rows in zip(parts, split, strict=True)
    }


def _attribute(model: ModelProto, name: str) -> float | None:
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == name:
                return float(attribute.i or attribute.f)
    return None
