"""An ONNX Runtime session for small models on the CPU."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from ragkit.errors import ModelError

_ERRORS_ONLY = 3


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A session that runs one call on one thread; several threads may call it at once.

    Texts are independent, so the cores are filled with texts rather than by splitting each small product.
    Two cores gave 1.95 times the passages of one that way; splitting gave half of one core's rate and
    doubled a query's time where other programs wanted the cores too.

    Raises:
        ModelError: the file cannot be loaded by the installed onnxruntime.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no other base
        raise ModelError(
            f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}: {error}. "
            "Install ragkit or fetch the model again, or upgrade: pip install -U onnxruntime"
        ) from error
