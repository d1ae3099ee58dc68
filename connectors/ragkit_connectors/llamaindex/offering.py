"""The kinds of LlamaIndex's objects that a `rag.yaml` may name, known by what they can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ragkit_connectors.bridge.offered import Offered


def _is_llm(model: Any) -> bool:
    return hasattr(model, "achat") and hasattr(model, "astream_chat") and hasattr(model, "metadata")


def _is_embedding_model(model: Any) -> bool:
    return hasattr(model, "get_query_embedding") and hasattr(model, "get_text_embedding_batch")


def _is_reader(reader: Any) -> bool:
    return hasattr(reader, "load_data") or (isinstance(reader, Iterable) and not isinstance(reader, str))


def _is_parser(parser: Any) -> bool:
    return hasattr(parser, "get_nodes_from_documents")


def _is_searching(found: Any) -> bool:
    return hasattr(found, "as_retriever") or (hasattr(found, "aretrieve") and hasattr(found, "_retrieve"))


llms = Offered("llamaindex", _is_llm, label="LlamaIndex", what="LLM")
embedding_models = llms.beside("embedding model", _is_embedding_model)
readers = llms.beside("reader", _is_reader)
parsers = llms.beside("node parser", _is_parser)
searching = llms.beside("retriever or index", _is_searching)


def offer(name: str, model: Any) -> None:
    """Lets a `rag.yaml` name an object of LlamaIndex: an LLM, an embedding model, a reader, a node parser, a
    retriever or an index.

    Args:
        name: what the file calls it.
        model: the object, or a function that makes it when it is first needed.
    """
    llms.offer(name, model)
