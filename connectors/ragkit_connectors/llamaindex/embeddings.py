"""`embed/llamaindex`: any embedding model of LlamaIndex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragkit_connectors.bridge.embedder import ForeignEmbedder
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.llamaindex.offering import embedding_models


class LlamaIndexEmbedder(ForeignEmbedder):
    """An embedding model of LlamaIndex, as an object or under a name that was offered.

    Vectors are brought to unit length. A vector of another dimension, with NaN, or of zeros is an error.

    Example:
        LlamaIndexEmbedder(model=HuggingFaceEmbedding("BAAI/bge-m3"), max_tokens=8192)
    """

    class Config(ForeignEmbedder.Config):
        offered: ClassVar[Offered] = embedding_models

    config: Config
    library = "llamaindex"
    names = ("model_name",)

    def embed_query(self, text: str) -> Sequence[float]:
        """The model's vector of a question."""
        found: Sequence[float] = self._model.get_query_embedding(text)
        return found

    def embed_passages(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """The model's vectors of passages."""
        found: Sequence[Sequence[float]] = self._model.get_text_embedding_batch(texts)
        return found
