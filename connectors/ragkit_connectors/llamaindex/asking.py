"""What all objects of LlamaIndex have in common that ask a RAG for a certain reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from ragkit_connectors.bridge.holding import HoldsRag, checked_rag
from ragkit_connectors.bridge.reader import Reader
from ragkit_connectors.llamaindex.filters import filter_of


class AsksRag(HoldsRag):
    """Holds a RAG, and for whom it is asked: a query of LlamaIndex has no room for that."""

    rag: Any
    reader: Reader

    def hold(self, rag: Any, tenant: str | None, acl: Sequence[str] | None, filter: Any) -> None:  # noqa: A002
        """Takes what a constructor is given."""
        self.rag = checked_rag(rag)
        self.reader = Reader(tenant, acl, filter_of(filter))

    def with_reader(
        self,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Any = None,  # noqa: A002
    ) -> Self:
        """The same for a single reader: cheap enough to be made for each call.

        What is fixed stays: a filter is joined to the fixed one, and groups narrow those that are fixed.

        Raises:
            TenantError: another tenant is fixed, or a group is not among those that are.
            FilterError: a filter of LlamaIndex has no counterpart.
        """
        found = self.__copy__()
        asked = {"tenant": tenant, "acl": acl, "filter": filter_of(filter)}
        found.reader = self.reader.narrowed(asked)
        return found

    def __copy__(self) -> Self:
        found = object.__new__(type(self))
        found.__dict__.update(self.__dict__)
        return found
