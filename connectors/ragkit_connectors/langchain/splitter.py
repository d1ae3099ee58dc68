"""`chunk/langchain`: any text splitter of LangChain that only cuts."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from ragkit.settings import Settings
from ragkit.types import Document, Span
from ragkit_connectors.bridge.aligned import spans_of
from ragkit_connectors.bridge.shaping import shaping
from ragkit_connectors.langchain.offering import splitters


class LangChainChunker:
    """Cuts documents where a text splitter of LangChain cuts them.

    The splitter gives texts; where they lie in the document is found out, blanks aside, and what it drops
    between two of them (a separator, a heading) goes to the one after it. A document whose text it rewrites
    or leaves out is quarantined: no passage ever has another text than its place in the document.

    Example:
        LangChainChunker(splitter=RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=100))
    """

    class Config(Settings):
        splitter: Any = Field(description="A text splitter; in a file the name that one is offered under.")
        max_gap: int = Field(
            80, ge=0, description="Visible characters between two chunks that the splitter may leave out."
        )
        revision: str = Field("", description="Change it to have all documents cut anew.")

        @field_validator("splitter")
        @classmethod
        def _is_one(cls, splitter: Any) -> Any:
            splitters.found(splitter)
            return splitter

    config: Config

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("chunk/langchain", settings)
        self._splitter = splitters.found(self.config.splitter)

    @property
    def fingerprint(self) -> str:
        """The splitter's class and settings, and `revision`."""
        made = shaping(self._splitter, lambda name: "token" not in name or "tokens" in name)
        return f"langchain|{made}|{self.config.max_gap}|{self.config.revision}"

    def split(self, document: Document) -> list[Span]:
        """Spans of the document in reading order.

        Raises:
            DocumentError: the splitter rewrote or left out some of the text.
        """
        pieces = self._splitter.split_text(document.text)
        texts = [piece if isinstance(piece, str) else piece.page_content for piece in pieces]
        return spans_of(texts, document.text, max_gap=self.config.max_gap)
