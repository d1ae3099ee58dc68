"""`chunk/llamaindex`: any node parser of LlamaIndex that only cuts."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from ragkit.types import Document
from ragkit_connectors.bridge.aligned import Told
from ragkit_connectors.bridge.chunker import ForeignChunker
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.llamaindex.offering import parsers


class LlamaIndexChunker(ForeignChunker):
    """Cuts documents where a node parser of LlamaIndex cuts them.

    Where a node says that it starts is taken for a hint: it counts where the node's text stands there, blanks
    aside; otherwise the place is found out from the texts. Of a hierarchy the leaves are taken. A document
    whose text the parser rewrites or leaves out is quarantined: no passage ever has another text than its
    place in the document.

    Example:
        LlamaIndexChunker(parser=SentenceSplitter(chunk_size=400, chunk_overlap=40))
    """

    class Config(ForeignChunker.Config):
        offered: ClassVar[Offered] = parsers
        parser: Any = Field(description="A node parser; in a file the name that one is offered under.")

    config: Config
    library = "llamaindex"

    def pieces(self, document: Document) -> list[Told]:
        """The texts of the parser's nodes, each with where it says that it starts."""
        from llama_index.core.schema import Document as Theirs
        from llama_index.core.schema import MetadataMode

        given = Theirs(id_=document.id, text=document.text)
        nodes = self._splitter.get_nodes_from_documents([given])
        return [
            Told(node.get_content(metadata_mode=MetadataMode.NONE), getattr(node, "start_char_idx", None))
            for node in nodes
            if not node.child_nodes
        ]

    def matters(self, name: str) -> bool:
        """All but who listens, and how nodes are named."""
        return name not in ("callback_manager", "id_func")
