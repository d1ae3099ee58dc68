"""What all objects of other libraries have in common that hold a RAG."""

from __future__ import annotations

from copy import copy
from typing import Annotated, Any

from pydantic import AfterValidator, Field


class HoldsRag:
    """Copies share the RAG; it is never pickled, for it holds open files, connections and models."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled: its RAG holds open files and models. Send the path of "
            "its configuration, and make it there: ragkit.load('rag.yaml')"
        )

    def __deepcopy__(self, memo: Any = None) -> Any:
        return copy(self)


def checked_rag(rag: Any) -> Any:
    """The RAG that was given.

    Raises:
        ValueError: it is none.
    """
    if not all(hasattr(rag, name) for name in ("aask", "aretrieve", "astream", "resources")):
        raise ValueError(f"expected a RAG as ragkit.open or ragkit.load gives it, got {type(rag).__name__}")
    return rag


HeldRag = Annotated[Any, AfterValidator(checked_rag), Field(exclude=True, repr=False)]
"""A field that holds a RAG: checked, and never shown or serialised."""
