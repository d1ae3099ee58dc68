"""`embed/langchain`: any embedding model of LangChain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragkit_connectors.bridge.embedder import ForeignEmbedder
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.langchain.offering import embedding_models


class LangChainEmbedder(ForeignEmbedder):
    """An embedding model of LangChain, as an object or under a name that was offered.

    Vectors are brought to unit length. A vector of another dimension, with NaN, or of zeros is an error.

    Example:
        LangChainEmbedder(model=OpenAIEmbeddings(model="text-embedding-3-small"), max_tokens=8191)
    """

    class Config(ForeignEmbedder.Config):
        offered: ClassVar[Offered] = embedding_models

    config: Config
    library = "langchain"
    names = ("model", "model_name", "deployment", "model_id")

    def embed_query(self, text: str) -> Sequence[float]:
        """The model's vector of a question."""
        found: Sequence[float] = self._model.embed_query(text)
        return found

    def embed_passages(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """The model's vectors of passages."""
        found: Sequence[Sequence[float]] = self._model.embed_documents(texts)
        return found
