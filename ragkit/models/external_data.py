"""Whether an ONNX model keeps tensors in other files: read from its bytes, without the `onnx` package.

https://onnx.ai/onnx/repo-docs/ExternalData.html; the numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL = 1
_DATA_LOCATION = 14  # of a tensor

# The fields of each message that lead to a tensor, with the message that they hold.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 11: "attribute"},
    "tensor": {},
}


def has_external_data(model: bytes) -> bool:
    """Whether a tensor of the model lies in another file.

    Raises:
        ValueError: the bytes are no ONNX model.

    >>> has_external_data(b"")
    False
    """
    left = [("model", memoryview(model))]
    while left:
        message, content = left.pop()
        for number, value in _fields(content):
            if message == "tensor":
                if number == _DATA_LOCATION and value == _EXTERNAL:
                    return True
            elif number in _FIELDS[message] and isinstance(value, memoryview):
                left.append((_FIELDS[message][number], value))
    return False


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message by number; what is neither a whole number nor bytes is left out."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(content, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(content, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire} is none of an ONNX model")
        if at + size > len(content):
            raise ValueError("the model ends within a field")
        if wire == _BYTES:
            yield number, content[at : at + size]
        at += size


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A whole number, and where the next field begins."""
    value = shift = 0
    while at < len(content) and shift < 70:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("the model ends within a number")
