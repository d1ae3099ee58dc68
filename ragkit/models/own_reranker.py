"""`rerank/onnx`: a reranking model of your own, from a folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ragkit.models.cross_encoder import OnnxReranker
from ragkit.settings import Settings


class OwnReranker(OnnxReranker):
    """A cross-encoder on ONNX Runtime, from a folder with `model.onnx`, `tokenizer.json` and `model.json`.

    Example:
        OwnReranker(folder="models/my-reranker").score("who pays?", ["The tenant pays.", "It rained."])
    """

    class Config(Settings):
        folder: Path = Field(description="Folder of the model, as training writes it.")
        threads: int | None = Field(
            None, ge=1, description="Cores to use; all that are usable when left out."
        )

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/onnx", settings)
        super().__init__(self.config.folder, threads=self.config.threads)
