"""`load/langchain`: any document loader of LangChain, or documents of LangChain from anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from ragkit.types import Unread
from ragkit_connectors.bridge.incoming import Foreign
from ragkit_connectors.bridge.loader import ForeignLoader
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.langchain.offering import loaders


class LangChainLoader(ForeignLoader):
    """Gives what a loader of LangChain loads, one document after the other, as documents of ragkit.

    A document's id is its own, else its `source`, and its uri is its `source`. What cannot be taken, because
    it has neither, or because the loader fails in the middle, stands in the report; the others go in.

    Example:
        rag.ingest(LangChainLoader(loader=PyPDFDirectoryLoader("manuals/")))
    """

    class Config(ForeignLoader.Config):
        offered: ClassVar[Offered] = loaders
        loader: Any = Field(
            description="A document loader, or an iterable of documents; in a file the name that one is "
            "offered under."
        )
        source_key: str = Field("source", min_length=1, description="Metadata that says where it came from.")

    config: Config
    library = "langchain"

    def found(self) -> Iterable[Any]:
        """The loader's documents, lazily."""
        loader = self._loader
        found: Iterable[Any] = loader.lazy_load() if hasattr(loader, "lazy_load") else loader
        return found

    def afound(self) -> AsyncIterable[Any]:
        """The loader's documents by `alazy_load`."""
        found: AsyncIterable[Any] = self._loader.alazy_load()
        return found

    def foreign(self, document: Any, at: int) -> Foreign | Unread:
        """What a document says of itself."""
        text, metadata = getattr(document, "page_content", None), getattr(document, "metadata", None)
        if text is None or not isinstance(metadata, Mapping):
            kind = type(document).__name__
            return Unread(f"item {at} of the loader", reason=f"expected a Document of LangChain, got {kind}")
        source = metadata.get(self.config.source_key)
        uri = None if source is None or str(source) == "" else str(source)
        return Foreign(text, metadata=metadata, id=getattr(document, "id", None), uri=uri)
