"""`rerank/bundled`: the reranking model that comes with ragkit."""

from __future__ import annotations

from pydantic import Field

from ragkit.models.bundled_model import BUNDLED_RERANKER, bundled_model
from ragkit.models.late_reranker import LateReranker
from ragkit.settings import Settings

__all__ = ["BUNDLED_RERANKER", "BundledReranker"]


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
            64,
            ge=0,
            description="Memory for what was read in recent passages whose index keeps nothing of it, in MB.",
        )

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/bundled", settings)
        super().__init__(
            BUNDLED_RERANKER,
            threads=self.config.threads,
            kept_mb=self.config.kept_mb,
            loaded=bundled_model(),
        )
