"""`embed/bundled`: the embedding model that comes with ragkit."""

from __future__ import annotations

from pydantic import Field

from ragkit.models.bundled_model import bundled_model
from ragkit.models.embedder import OnnxEmbedder
from ragkit.settings import Settings


class BundledEmbedder(OnnxEmbedder):
    """all-MiniLM-L6-v2 (English, 384 dimensions, 256 tokens) on ONNX Runtime, shipped in the package.

    >>> BundledEmbedder(threads=1).dimension
    384
    """

    class Config(Settings):
        threads: int | None = Field(
            None, ge=1, description="Cores to use; all that are usable when left out."
        )

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("embed/bundled", settings)
        super().__init__(threads=self.config.threads, loaded=bundled_model())
