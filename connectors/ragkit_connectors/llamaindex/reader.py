"""`load/llamaindex`: any reader of LlamaIndex, or documents of LlamaIndex from anywhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from ragkit.types import Unread
from ragkit_connectors.bridge.incoming import Foreign
from ragkit_connectors.bridge.loader import ForeignLoader
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.llamaindex.offering import readers

# What LlamaIndex makes up for a document that is given no id: a new one each time that it is read.
_MADE_UP = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class LlamaIndexLoader(ForeignLoader):
    """Gives what a reader of LlamaIndex reads, one document after the other, as documents of ragkit.

    A document's id is its own; where it has none but a random one that LlamaIndex made up, it is named by
    where it came from, which is its uri. What cannot be taken, because it has neither, or because the reader
    fails in the middle, stands in the report; the others go in.

    Example:
        rag.ingest(LlamaIndexLoader(reader=SimpleDirectoryReader("manuals/")))
    """

    class Config(ForeignLoader.Config):
        offered: ClassVar[Offered] = readers
        reader: Any = Field(
            description="A reader, or an iterable of documents; in a file the name that one is offered under."
        )
        options: Mapping[str, Any] = Field(
            default_factory=dict, description="What the reader's load_data is called with: {urls: [...]}."
        )
        source_keys: tuple[str, ...] = Field(
            ("file_path", "source", "url", "URL", "file_name"),
            description="Metadata that may say where it came from, the first that is there.",
        )
        random_ids: bool = Field(
            False, description="Whether ids that look random (UUID version 4) are lasting ones all the same."
        )

    config: Config
    library = "llamaindex"

    def found(self) -> Iterable[Any]:
        """The reader's documents, lazily where it can."""
        reader, options = self._loader, self.config.options
        found: Iterable[Any] = reader
        if _is_lazy(reader):
            found = reader.lazy_load_data(**options)
        elif hasattr(reader, "load_data"):
            found = reader.load_data(**options)
        yield from found

    async def afound(self) -> AsyncIterator[Any]:
        """The reader's documents by `alazy_load_data` or `aload_data`."""
        reader, options = self._loader, self.config.options
        load = reader.alazy_load_data if _is_lazy(reader) else reader.aload_data
        for document in await load(**options):
            yield document

    def foreign(self, document: Any, at: int) -> Foreign | Unread:
        """What a document says of itself."""
        metadata = getattr(document, "metadata", None)
        if not hasattr(document, "get_content") or not isinstance(metadata, Mapping):
            kind = type(document).__name__
            return Unread(f"item {at} of the reader", reason=f"expected a Document of LlamaIndex, got {kind}")
        keys = (metadata.get(key) for key in self.config.source_keys)
        uri = next((str(source) for source in keys if source is not None and str(source)), None)
        own = None if self._is_made_up(document.node_id) else document.node_id
        return Foreign(document.get_content(), metadata=metadata, id=own, uri=uri)

    def _is_made_up(self, id_: str) -> bool:
        return not self.config.random_ids and _MADE_UP.fullmatch(id_) is not None


def _is_lazy(reader: Any) -> bool:
    """Whether a reader has a lazy way of its own; the one that it inherits raises."""
    from llama_index.core.readers.base import BaseReader

    own = getattr(type(reader), "lazy_load_data", None)
    return own is not None and own is not BaseReader.lazy_load_data
