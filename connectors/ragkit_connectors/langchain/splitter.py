"""`chunk/langchain`: any text splitter of LangChain that only cuts."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from ragkit.types import Document
from ragkit_connectors.bridge.chunker import ForeignChunker
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.langchain.offering import splitters


class LangChainChunker(ForeignChunker):
    """Cuts documents where a text splitter of LangChain cuts them.

    The splitter gives texts; where they lie in the document is found out, blanks aside, and what it drops
    between two of them (a separator, a heading) goes to the one after it. A document whose text it rewrites
    or leaves out is quarantined: no passage ever has another text than its place in the document.

    Example:
        LangChainChunker(splitter=RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=100))
    """

    class Config(ForeignChunker.Config):
        offered: ClassVar[Offered] = splitters
        splitter: Any = Field(description="A text splitter; in a file the name that one is offered under.")

    config: Config
    library = "langchain"

    def pieces(self, document: Document) -> list[str]:
        """The texts that the splitter gives."""
        found = self._splitter.split_text(document.text)
        return [piece if isinstance(piece, str) else piece.page_content for piece in found]

    def matters(self, name: str) -> bool:
        """All but the tokenizer, which has no settings that can be told."""
        return "token" not in name or "tokens" in name
