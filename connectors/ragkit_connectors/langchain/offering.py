"""The kinds of LangChain's objects that a `rag.yaml` may name, known by what they can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ragkit_connectors.bridge.offered import Offered


def _is_chat_model(model: Any) -> bool:
    return hasattr(model, "ainvoke") and hasattr(model, "astream") and hasattr(model, "_llm_type")


def _is_embedding_model(model: Any) -> bool:
    return hasattr(model, "embed_documents") and hasattr(model, "embed_query")


def _is_loader(loader: Any) -> bool:
    return hasattr(loader, "lazy_load") or (isinstance(loader, Iterable) and not isinstance(loader, str))


def _is_splitter(splitter: Any) -> bool:
    return hasattr(splitter, "split_text")


def _is_searching(found: Any) -> bool:
    return hasattr(found, "similarity_search") or hasattr(found, "_get_relevant_documents")


chat_models = Offered("langchain", _is_chat_model, label="LangChain")
embedding_models = chat_models.beside("embedding model", _is_embedding_model)
loaders = chat_models.beside("document loader", _is_loader)
splitters = chat_models.beside("text splitter", _is_splitter)
searching = chat_models.beside("retriever or vector store", _is_searching)


def offer(name: str, model: Any) -> None:
    """Lets a `rag.yaml` name an object of LangChain: a chat model, an embedding model, a document loader, a
    text splitter, a retriever or a vector store.

    Args:
        name: what the file calls it.
        model: the object, or a function that makes it when it is first needed.
    """
    chat_models.offer(name, model)
