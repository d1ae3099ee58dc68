"""For whom a question is asked: what an app fixes, and what a single call may add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.errors import TenantError

Filter = Mapping[str, Any]
NAMES = ("tenant", "acl", "filter")


@dataclass(frozen=True, slots=True)
class Reader:
    """Tenant, groups and filter of a question.

    What is fixed when a retriever is made cannot be widened by a call: a call may be an agent's, and its
    words a stranger's.

    >>> Reader(filter={"lang": "en"}).narrowed({"filter": {"year": 2025}}).filter
    {'and': [{'lang': 'en'}, {'year': 2025}]}
    """

    tenant: str | None = None
    acl: Sequence[str] | None = None
    filter: Filter | None = None

    def narrowed(self, asked: Mapping[str, Any]) -> Reader:
        """With what a call says: a tenant or groups where none are fixed, groups among those that are, and a
        filter beside the one that is.

        Raises:
            TenantError: another tenant is asked for than is fixed, or a group that is not fixed.
        """
        tenant, acl, chosen = (asked.get(name) for name in NAMES)
        if self.tenant is not None and tenant not in (None, self.tenant):
            raise TenantError(
                "the tenant is fixed, and this call asks for another one. Make one for each tenant"
            )
        if self.acl is not None and acl is not None and not set(acl) <= set(self.acl):
            raise TenantError(
                "the groups are fixed, and this call asks for others. Make one with these groups"
            )
        return Reader(
            self.tenant if tenant is None else tenant,
            self.acl if acl is None else acl,
            _both(self.filter, chosen),
        )

    def keywords(self) -> dict[str, Any]:
        """As `rag.ask` and `rag.retrieve` take them."""
        return {"tenant": self.tenant, "acl": self.acl, "filter": self.filter}


def _both(fixed: Filter | None, chosen: Filter | None) -> Filter | None:
    if fixed is None or chosen is None:
        return chosen if fixed is None else fixed
    return {"and": [fixed, chosen]}
