"""`rerank/bundled`: the reranking model that comes with ragkit."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ragkit.models.cross_encoder import OnnxReranker
from ragkit.settings import Settings

BUNDLED_RERANKER = Path(__file__).parent / "bundled" / "reranker"


class BundledReranker(OnnxReranker):
    """A cross-encoder of six layers on ONNX Runtime, shipped in the package.

    Example:
        BundledReranker(threads=1).score("who pays?", ["The tenant pays.", "It rained."])
    """

    class Config(Settings):
        threads: int | None = Field(
            None, ge=1, description="Cores to use; all that are usable when left out."
        )

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/bundled", settings)
        super().__init__(BUNDLED_RERANKER, threads=self.config.threads)
