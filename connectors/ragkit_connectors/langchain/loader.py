"""`load/langchain`: any document loader of LangChain, or documents of LangChain from anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from pydantic import Field, field_validator

from ragkit.settings import Settings
from ragkit.types import Document, Unread
from ragkit_connectors.bridge.incoming import Foreign, Ids, Incoming, Naming
from ragkit_connectors.langchain.offering import loaders


class LangChainLoader:
    """Gives what a loader of LangChain loads, one document after the other, as documents of ragkit.

    A document's id is its own, else its `source`, and its uri is its `source`. What cannot be taken, because
    it has neither, or because the loader fails in the middle, stands in the report; the others go in.

    Example:
        rag.ingest(LangChainLoader(loader=PyPDFDirectoryLoader("manuals/")))
    """

    class Config(Settings):
        loader: Any = Field(
            description="A document loader, or an iterable of documents; in a file the name that one is "
            "offered under."
        )
        id_key: str | None = Field(None, min_length=1, description="Metadata that holds a document's id.")
        source_key: str = Field("source", min_length=1, description="Metadata that says where it came from.")
        ids: Ids = Field(
            "given",
            description="given: what has neither id nor source is not read; content: its text is its name.",
        )
        keep: tuple[str, ...] | None = Field(None, description="The metadata to keep; left out, all of it.")

        @field_validator("loader")
        @classmethod
        def _is_one(cls, loader: Any) -> Any:
            loaders.found(loader)
            return loader

    config: Config

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("load/langchain", settings)
        self._loader = loaders.found(self.config.loader)

    def load(self) -> Iterator[Document | Unread]:
        """The documents as the loader gives them; nothing is loaded before it is asked for."""
        return Incoming(self._naming).take_all(self._found())

    __iter__ = load

    async def aload(self) -> AsyncIterator[Document | Unread]:
        """The same by the loader's own async way, `alazy_load`; for `rag.ingest` and `rag.aingest`."""
        incoming, at = Incoming(self._naming), 0
        try:
            async for document in self._loader.alazy_load():
                at += 1
                yield incoming.take(self._foreign(document, at))
        except Exception as e:
            yield incoming.failed(e)

    def _found(self) -> Iterator[Foreign | Unread]:
        source = self._loader
        found = source.lazy_load() if hasattr(source, "lazy_load") else source
        for at, document in enumerate(found, 1):
            yield self._foreign(document, at)

    def _foreign(self, document: Any, at: int) -> Foreign | Unread:
        text, metadata = getattr(document, "page_content", None), getattr(document, "metadata", None)
        if text is None or not isinstance(metadata, Mapping):
            kind = type(document).__name__
            return Unread(f"item {at} of the loader", reason=f"expected a Document of LangChain, got {kind}")
        source = metadata.get(self.config.source_key)
        uri = None if source is None or str(source) == "" else str(source)
        return Foreign(text, metadata=metadata, id=getattr(document, "id", None), uri=uri)

    @property
    def _naming(self) -> Naming:
        keep = self.config.keep
        return Naming(self.config.id_key, ids=self.config.ids, keep=None if keep is None else frozenset(keep))
