"""An ONNX Runtime session for small models on the CPU."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from ragkit.errors import ModelError
from ragkit.models.external_data import has_external_data

_ERRORS_ONLY = 3


def open_session(path: Path, content: bytes) -> onnxruntime.InferenceSession:
    """A session that runs one call on one thread; several threads may call it at once.

    Texts are independent, so the cores are filled with texts rather than by splitting each small product.
    Two cores gave 1.95 times the passages of one that way; splitting gave half of one core's rate and
    doubled a query's time where other programs wanted the cores too.

    Args:
        path: where the model was read, for messages.
        content: the whole of it, so that what was verified is what runs.

    Raises:
        ModelError: the model cannot be loaded by the installed onnxruntime, or keeps weights in other files.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        if not has_external_data(content):
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            session._model_bytes = b""  # kept to change providers, which never happens here
            return session
    except Exception as error:  # onnxruntime's own errors share no other base
        raise ModelError(
            f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}: {error}. "
            "Install ragkit or fetch the model again, or upgrade: pip install -U onnxruntime"
        ) from error
    # onnxruntime would look for those files in the working directory, and nobody would verify them.
    raise ModelError(
        f"{path} keeps weights in other files, such as model.onnx.data, which are not verified. Put all into "
        "one file: onnx.save(onnx.load('model.onnx'), 'one.onnx'), and write its sha256 to model.json."
    )
