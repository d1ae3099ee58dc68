"""Splitters of another library as chunkers of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ragkit.types import Document, Span
from ragkit_connectors.bridge.aligned import Piece, spans_of
from ragkit_connectors.bridge.chosen import Choosing
from ragkit_connectors.bridge.shaping import shaping


class ForeignChunker(ABC):
    """What the chunkers of all other libraries do: find out where the pieces lie, or refuse the document."""

    class Config(Choosing):
        max_gap: int = Field(
            80, ge=0, description="Visible characters between two chunks that the splitter may leave out."
        )
        revision: str = Field("", description="Change it to have all documents cut anew.")

    config: Config
    library: ClassVar[str]

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked(f"chunk/{self.library}", settings)
        self._splitter = self.config.chosen

    @abstractmethod
    def pieces(self, document: Document) -> Sequence[Piece]:
        """What the splitter makes of a document, in reading order."""

    @abstractmethod
    def matters(self, name: str) -> bool:
        """Whether a setting of the splitter shapes its work, by its name."""

    @property
    def fingerprint(self) -> str:
        """The splitter's class and settings, and `revision`."""
        made = shaping(self._splitter, self.matters)
        return f"{self.library}|{made}|{self.config.max_gap}|{self.config.revision}"

    def split(self, document: Document) -> list[Span]:
        """Spans of the document in reading order.

        Raises:
            DocumentError: the splitter rewrote or left out some of the text.
        """
        return spans_of(self.pieces(document), document.text, max_gap=self.config.max_gap)
