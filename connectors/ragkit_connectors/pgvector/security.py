"""Row-level security: the database itself shows a transaction the rows of one tenant alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError
from ragkit_connectors.pgvector.schema import TABLES

if TYPE_CHECKING:
    from psycopg import Connection

_OF_TENANTS = ("sources", "documents", "chunks", "postings")
# A setting that was never made is NULL, and one of a transaction that ended is empty: both show nothing.
# As a SELECT each is worked out once for a statement, not for every row.
_MINE = """
    (SELECT current_setting('ragkit.tenant', true) = '*')
    OR tenant = (SELECT decode(substr(nullif(current_setting('ragkit.tenant', true), ''), 2), 'hex'))
"""


def enable(connection: Connection[Any]) -> None:
    """Puts a policy on every table, which binds the owner too. Call it in a transaction."""
    for table in TABLES:
        condition = _MINE if table in _OF_TENANTS else "true"
        connection.execute(f"DROP POLICY IF EXISTS ragkit_tenant ON {table}")
        connection.execute(
            f"CREATE POLICY ragkit_tenant ON {table} USING ({condition}) WITH CHECK ({condition})"
        )
        connection.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def check_role(connection: Connection[Any], where: str) -> None:
    """Refuses a role that row-level security does not bind.

    Raises:
        ConfigError: it is a superuser, or has BYPASSRLS.
    """
    (name, is_super, bypasses) = connection.execute(
        "SELECT rolname::text, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone() or ("", True, True)
    if is_super or bypasses:
        what = "a superuser" if is_super else "a role with BYPASSRLS"
        raise ConfigError(
            f"{where}: tenancy: rls, and {name} is {what}: row-level security does not bind it. Connect as "
            "another role: CREATE ROLE rag LOGIN PASSWORD '…' NOSUPERUSER NOBYPASSRLS; GRANT CREATE ON "
            "DATABASE … TO rag"
        )


def is_enabled(connection: Connection[Any], schema: str) -> bool:
    """Whether every table of an index is guarded."""
    (n,) = connection.execute(
        "SELECT count(*) FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = "
        "'ragkit_tenant' WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relname = ANY(%s) "
        "AND c.relrowsecurity AND c.relforcerowsecurity",
        (schema, list(TABLES)),
    ).fetchone() or (0,)
    return bool(n == len(TABLES))


_POLICIES = """
SELECT c.relname::text, p.polname::text, p.polname = 'ragkit_tenant', p.polpermissive,
    p.polcmd = '*' AND p.polroles = ARRAY[0::oid], pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relname = ANY(%s) ORDER BY 1, 2
"""


def check_policies(connection: Connection[Any], schema: str, where: str) -> None:
    """Refuses policies that let more through than the one of ragkit: permissive ones add up.

    Raises:
        ConfigError: there is another permissive policy, or ragkit's own was changed.
    """
    rows = connection.execute(_POLICIES, (schema, list(_OF_TENANTS))).fetchall()
    added = [(table, name) for table, name, is_own, permissive, *_ in rows if permissive and not is_own]
    own = [row for row in rows if row[2]]
    wordings = {text for row in own for text in row[5:]}
    are_whole = all(row[3] and row[4] for row in own) and len(wordings) == 1
    # Each version of the server words a condition in its own way; what must be in it is the same.
    (wording,) = wordings if len(wordings) == 1 else ("",)
    is_ours = are_whole and all(part in (wording or "") for part in ("ragkit.tenant", "decode(", "tenant ="))
    if added:
        table, name = added[0]
        raise ConfigError(
            f"{where}: tenancy: rls, and the policy {name!r} of the table {table} lets further rows through: "
            f"permissive policies add up. Let the owner drop it, or make it AS RESTRICTIVE"
        )
    if own and not is_ours:
        raise ConfigError(
            f"{where}: tenancy: rls, and the policy 'ragkit_tenant' was changed: it does not keep tenants "
            "apart as it was made to. Let the owner drop it on every table, and open the index once as the "
            "owner, which makes it anew"
        )


def check_mode(connection: Connection[Any], schema: str, tenancy: str, where: str) -> None:
    """Makes the tables be guarded as the settings say.

    Raises:
        ConfigError: they are guarded otherwise, and this role cannot change it or should not.
    """
    import psycopg

    guarded = is_enabled(connection, schema)
    if tenancy == "rls" and not guarded:
        try:
            with connection.transaction():
                enable(connection)
        except psycopg.errors.InsufficientPrivilege as e:
            raise ConfigError(
                f"{where}: tenancy: rls, and its tables are not guarded yet. Open it once as the tables' "
                "owner, or set tenancy: filter"
            ) from e
    if tenancy == "rls":
        check_policies(connection, schema, where)
    if tenancy == "filter" and guarded and not _is_above(connection):
        raise ConfigError(
            f"{where}: its tables are guarded by row-level security, and tenancy: filter would see none of "
            "them. Set tenancy: rls"
        )


def check_tenants(has_tenants: bool, where: str) -> None:
    """Refuses row-level security where there are no tenants to keep apart.

    Raises:
        ConfigError: none are declared.
    """
    if not has_tenants:
        raise ConfigError(
            f"{where}: tenancy: rls, and the collection declares no tenants. Declare collection.fields: "
            "{tenant: keyword!}, or set tenancy: filter"
        )


def _is_above(connection: Connection[Any]) -> bool:
    row = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])
