"""Products of bits with small whole numbers, by ONNX Runtime.

NumPy has no fast product of integers. By floats it takes four times as long, and as OpenBLAS must be given
little at a time, lest it wake its threads, a question took and gave back the interpreter's lock fifty times:
with others beside it, it waited each time. One call of ONNX Runtime gives it back once.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ragkit.models.onnx_session import open_session

# One node, MatMulInteger (operators 13, IR 8), as onnx.helper writes it; the tests write it again.
GRAPH = bytes.fromhex(
    "08083a86010a270a04626974730a066c6576656c73120870726f6475637473220d4d61744d756c496e746567657212077072"
    "6f647563745a180a046269747312100a0e0802120a0a0312016e0a031201645a1a0a066c6576656c7312100a0e0803120a0a"
    "031201640a03120171621c0a0870726f647563747312100a0e0806120a0a0312016e0a0312017142040a00100d"
)


def products(bits: NDArray[np.uint8], levels: NDArray[np.int8]) -> NDArray[np.int32]:
    """Each row of bits with each column of levels, exactly, shape `[n, q]`; in the calling thread alone.

    Args:
        bits: 0 or 1, shape `[n, d]`; of larger numbers some processors lose the carry.
        levels: shape `[d, q]`.

    >>> products(np.array([[1, 0, 1]], np.uint8), np.array([[100], [3], [-7]], np.int8)).tolist()
    [[93]]
    """
    found: NDArray[np.int32] = _session().run(None, {"bits": bits, "levels": levels})[0]
    return found


@cache
def _session() -> onnxruntime.InferenceSession:
    return open_session(Path(__file__), GRAPH)
