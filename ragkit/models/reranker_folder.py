"""The reranker that lies in a folder, whichever of the two kinds it is."""

from __future__ import annotations

from pathlib import Path

from ragkit.models.catalogue import manifest_of
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.models.late_reranker import LateReranker
from ragkit.models.manifest import LateManifest


def open_reranker(folder: str | Path, *, threads: int | None = None) -> OnnxReranker | LateReranker:
    """The reranker of a folder with `model.onnx`, `tokenizer.json` and `model.json`.

    Args:
        folder: as training or the package has it.
        threads: cores to use, at least 1; by default those this process may run on.

    Raises:
        ModelError: the folder holds no reranker.
        ConfigError: `threads` is below 1.
    """
    if isinstance(manifest_of(Path(folder)), LateManifest):
        return LateReranker(folder, threads=threads)
    return OnnxReranker(folder, threads=threads)
