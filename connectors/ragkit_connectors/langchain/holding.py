"""What all objects of LangChain have in common that hold a RAG."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from pydantic import AfterValidator, Field

from ragkit_connectors.bridge.reader import NAMES


class HoldsRag:
    """Copies share the RAG; it is never pickled, for it holds open files, connections and models."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled: its RAG holds open files and models. Send the path of "
            "its configuration, and make it there: ragkit.load('rag.yaml')"
        )

    def __deepcopy__(self, memo: Any = None) -> Any:
        return copy(self)


def asked_in(config: RunnableConfig | None) -> dict[str, Any]:
    """What of `tenant`, `acl` and `filter` a call's `configurable` says."""
    # What a chain around it was called with holds for the calls within, as everywhere in LangChain.
    inherited = var_child_runnable_config.get()
    told = (c.get("configurable") for c in (config, inherited) if c)
    given: Mapping[str, Any] = next(filter(None, told), {})
    return {name: given[name] for name in NAMES if given.get(name) is not None}


def _checked(rag: Any) -> Any:
    if not all(hasattr(rag, name) for name in ("aask", "aretrieve", "astream", "resources")):
        raise ValueError(f"expected a RAG as ragkit.open or ragkit.load gives it, got {type(rag).__name__}")
    return rag


HeldRag = Annotated[Any, AfterValidator(_checked), Field(exclude=True, repr=False)]
"""A field that holds a RAG: checked, and never shown or serialised."""
