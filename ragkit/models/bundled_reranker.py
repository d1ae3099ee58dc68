"""`rerank/bundled`: the reranking model that comes with ragkit."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ragkit.models.late_reranker import LateReranker
from ragkit.settings import Settings

BUNDLED_RERANKER = Path(__file__).parent / "bundled" / "reranker"


class BundledReranker(LateReranker):
    """Compares question and passage token by token, on ONNX Runtime, with the model shipped in the package.

    >>> reranker = BundledReranker(threads=1)
    >>> due, rain = reranker.score("when is rent due?", ["Rent is due in May.", "It rained."])
    >>> bool(due > rain)
    True
    """

    class Config(Settings):
        threads: int | None = Field(
            None, ge=1, description="Cores to use; all that are usable when left out."
        )
        kept_mb: int = Field(
            64, ge=0, description="Memory for the token vectors of recent passages, in MB; 0 keeps none."
        )

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/bundled", settings)
        super().__init__(BUNDLED_RERANKER, threads=self.config.threads, kept_mb=self.config.kept_mb)
