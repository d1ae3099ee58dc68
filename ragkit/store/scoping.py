"""Whether a scope fits the store that is read: what every store refuses before it looks at anything."""

from __future__ import annotations

from ragkit.errors import StoreError, TenantError
from ragkit.fields import shown
from ragkit.filter_parser import check_filter
from ragkit.protocols import Scope
from ragkit.store_spec import StoreSpec


def check_scope(scope: Scope, spec: StoreSpec, where: object) -> None:
    """A store that was made for tenants or acl never answers a question that names none.

    What passes can be remembered by: it is made of values that do not change. Its commit is pinned.

    Raises:
        TenantError: the scope names a tenant or groups where there are none, or none where there are, or
            they are malformed.
        FilterError: its filter does not fit the declared fields.
        StoreError: its commit is no number of one.
    """
    _check_types(scope, where)
    if scope.filter is not None:
        check_filter(scope.filter, spec.fields)
    if (scope.tenant is not None) != spec.has_tenants:
        raise TenantError(
            f"{where}: the index has tenants and the scope names none"
            if spec.has_tenants
            else f"{where}: the index has no tenants and the scope names one"
        )
    if (scope.acl is not None) != spec.has_acl:
        raise TenantError(
            f"{where}: the index has an acl and the scope names no groups"
            if spec.has_acl
            else f"{where}: the index has no acl and the scope names groups"
        )


def _check_types(scope: Scope, where: object) -> None:
    tenant, acl, commit = scope.tenant, scope.acl, scope.commit
    if tenant is not None and not isinstance(tenant, str):
        raise TenantError(f"{where}: tenant={shown(tenant)}: expected text")
    if acl is not None and not (isinstance(acl, tuple) and all(isinstance(group, str) for group in acl)):
        raise TenantError(f"{where}: acl={shown(acl)}: expected a tuple of groups")
    if not isinstance(commit, int) or isinstance(commit, bool) or commit < 0:
        raise StoreError(f"{where}: commit {shown(commit)}: expected a whole number, at least 0")
