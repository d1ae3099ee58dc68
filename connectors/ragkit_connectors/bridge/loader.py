"""What another library loads, as documents of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, ClassVar

from pydantic import Field

from ragkit.types import Document, Unread
from ragkit_connectors.bridge.chosen import Choosing
from ragkit_connectors.bridge.incoming import Foreign, Ids, Incoming, Naming


class ForeignLoader(ABC):
    """What the loaders of all other libraries do: lazily, and what cannot be taken stands in the report."""

    class Config(Choosing):
        id_key: str | None = Field(None, min_length=1, description="Metadata that holds a document's id.")
        ids: Ids = Field(
            "given",
            description="given: what has neither id nor source is not read; content: its text is its name.",
        )
        keep: tuple[str, ...] | None = Field(None, description="The metadata to keep; left out, all of it.")

    config: Config
    library: ClassVar[str]

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked(f"load/{self.library}", settings)
        self._loader = self.config.chosen

    @abstractmethod
    def found(self) -> Iterable[Any]:
        """What the loader gives, one after the other."""

    @abstractmethod
    def afound(self) -> AsyncIterable[Any]:
        """The same in the loader's own async way."""

    @abstractmethod
    def foreign(self, document: Any, at: int) -> Foreign | Unread:
        """The `at`-th thing that the loader gave, counted from 1, as what it says of itself."""

    def load(self) -> Iterator[Document | Unread]:
        """The documents as the loader gives them; nothing is loaded before it is asked for."""
        return Incoming(self._naming).take_all(self._foreign())

    __iter__ = load

    async def aload(self) -> AsyncIterator[Document | Unread]:
        """The same in the loader's own async way; for `rag.ingest` and `rag.aingest`."""
        incoming, at = Incoming(self._naming), 0
        try:
            async for document in self.afound():
                at += 1
                yield incoming.take(self.foreign(document, at))
        except Exception as e:
            yield incoming.failed(e)

    def _foreign(self) -> Iterator[Foreign | Unread]:
        for at, document in enumerate(self.found(), 1):
            yield self.foreign(document, at)

    @property
    def _naming(self) -> Naming:
        keep = self.config.keep
        return Naming(self.config.id_key, ids=self.config.ids, keep=None if keep is None else frozenset(keep))
