"""Who may see what: a caller's tenant, acl and filter become a scope, or a typed error before any I/O."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence, Set

from ragkit.errors import FilterError, TenantError
from ragkit.fields import ACL, TENANT, FieldSpec, shown
from ragkit.filter_parser import check_filter
from ragkit.filters import And, Contains, Eq, Filter, Gt, Gte, In, Lt, Lte, fields_used
from ragkit.protocols import Scope

MAX_NAME_CHARS = 256


class Access:
    """The rules that a collection's declared fields set for every read and write.

    >>> Access({}).tenant(None) is None
    True
    """

    def __init__(self, fields: Mapping[str, FieldSpec]) -> None:
        self._fields = fields
        self._tenant = fields.get(TENANT)
        self._acl = fields.get(ACL)
        self._required = [f.name for f in fields.values() if f.required and f.name not in (TENANT, ACL)]

    def tenant(self, tenant: str | None) -> str | None:
        """The tenant of a read or a write; None where the collection declares none.

        Where `tenant` is declared but not required, giving none means the documents that have none,
        never those of everybody.

        Raises:
            TenantError: required and missing, malformed, or given where none is declared.
        """
        if self._tenant is None:
            if tenant is None:
                return None
            raise TenantError(
                f"tenant={shown(tenant)}: this collection declares no tenants, so its documents are not kept "
                "apart. Declare collection.fields: {tenant: keyword!} and ingest into a new index"
            )
        if tenant is None:
            if self._tenant.required:
                raise TenantError("this collection requires a tenant: pass tenant='...' (--tenant NAME)")
            return ""
        return _checked_name(tenant, "tenant")

    def acl(self, acl: Sequence[str] | None) -> tuple[str, ...] | None:
        """The reader's groups; None where the collection declares no acl, no group where the reader has none.

        Raises:
            TenantError: required and missing, malformed, or given where none is declared.
        """
        groups = _listed(acl)
        if self._acl is None:
            if not groups:
                return None
            raise TenantError(
                f"acl={shown(acl)}: this collection declares no acl, so its documents are open to every "
                "reader. Declare collection.fields: {acl: [keyword]} and ingest into a new index"
            )
        if acl is None and self._acl.required:
            raise TenantError("this collection requires an acl: pass acl=['...'] (--acl GROUP)")
        return tuple(sorted({_checked_name(group, "acl") for group in groups}))

    def scope(
        self,
        tenant: str | None,
        acl: Sequence[str] | None,
        wanted: Filter | None = None,
        commit: int | None = None,
    ) -> Scope:
        """What a reader may see.

        Raises:
            TenantError: see `tenant` and `acl`.
            FilterError: the filter does not fit the fields, or leaves a required one out.
        """
        own_tenant, own_acl = self.tenant(tenant), self.acl(acl)
        if wanted is not None:
            check_filter(wanted, self._fields)
        missing = [name for name in self._required if not _restricts(wanted, name)]
        if missing:
            raise FilterError(
                f"filter: {', '.join(missing)} is required (declared with !): every question must say which "
                f"values it means, for example filter={{{missing[0]!r}: ...}}"
            )
        return Scope(own_tenant, own_acl, wanted, commit)


def _restricts(wanted: Filter | None, name: str) -> bool:
    """Whether a filter says which values of this field it means; `ne` only says which it does not."""
    if isinstance(wanted, And):
        return any(_restricts(part, name) for part in wanted.parts)
    return (
        wanted is not None
        and isinstance(wanted, Eq | In | Contains | Gt | Gte | Lt | Lte)
        and name in fields_used(wanted)
    )


def _listed(acl: object) -> Sequence[object] | Set[object]:
    """The groups as they were given, if they can be read more than once and are more than one text."""
    if acl is None:
        return ()
    if isinstance(acl, str | bytes | bytearray) or not isinstance(acl, Sequence | Set):
        example = shown(acl) if isinstance(acl, str) and acl else "'staff'"
        raise TenantError(f"acl={shown(acl)}: expected a list of groups, for example acl=[{example}]")
    return acl


def _checked_name(given: object, what: str) -> str:
    """A tenant or a group as it is, if every store and every log can tell it from all others."""
    problem = None
    # Of a text of a class of its own, such as a member of an enumeration, what it holds is what counts:
    # `str` would give the name of the member.
    value = str.__str__(given) if isinstance(given, str) else given
    if not isinstance(value, str):
        problem = f"expected text, not {type(value).__name__}"
    elif not value:
        problem = "it is empty"
    elif len(value) > MAX_NAME_CHARS:
        problem = f"it has {len(value)} characters, and {MAX_NAME_CHARS} are allowed"
    elif value != value.strip():
        problem = "it begins or ends with white space"
    elif value == "*":
        problem = "there is no tenant or group that means all of them"
    elif any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value):
        problem = "it holds control characters or half a surrogate pair"
    if problem or not isinstance(value, str):
        raise TenantError(f"{what}={shown(value, limit=80)}: {problem}")
    return value
