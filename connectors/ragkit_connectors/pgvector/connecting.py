"""How a connection is made: what the dsn says, checked, with defaults; and how each session is set up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError, StoreError
from ragkit_connectors.pgvector.errors import explain
from ragkit_connectors.pgvector.settings import PgSettings
from ragkit_connectors.pgvector.silence import limit_silence, patient
from ragkit_connectors.pgvector.vendor import register_types

if TYPE_CHECKING:
    from psycopg import Connection

# One round trip sets a session up: where names are looked up, in this order, and nowhere else.
_SET_UP = """
SELECT t.oid,
    set_config('search_path',
        quote_ident(%(schema)s) || ', ' || quote_ident(n.nspname) || ', pg_temp', false),
    set_config('statement_timeout', %(timeout_ms)s, false),
    set_config('plan_cache_mode', %(plans)s, false),
    set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, false)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = 'vector'
WHERE e.extname = 'vector'
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to. `where` is for people, and holds no secret."""

    options: dict[str, Any] = field(repr=False)
    where: str

    @property
    def hidden(self) -> tuple[str, ...]:
        """What must not be shown."""
        return tuple(str(self.options[key]) for key in ("password", "sslpassword") if self.options.get(key))


def target_of(settings: PgSettings) -> Target:
    """What the settings say of the server.

    Raises:
        ConfigError: the dsn is none, or a part of a password was read as a part of an address. Its text is
            not shown, for it may hold a password.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    dsn = settings.dsn.reveal()
    try:
        options: dict[str, Any] = dict(conninfo_to_dict(dsn))
    except ProgrammingError:
        options = {}
    if not options or "\0" in dsn:
        raise ConfigError(
            "store/pgvector: dsn: not a connection string of PostgreSQL (it is not shown, as it may hold a "
            "password). Expected postgresql://user:password@host:5432/database or 'host=... dbname=...'"
        )
    if _is_torn(dsn, options):
        raise ConfigError(
            "store/pgvector: dsn: its host, port or database is none (it is not shown, as it may hold a "
            "password): a character of the password was taken for a border. In an address percent-encode "
            "the password: %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %25 for %; or write "
            "'host=... dbname=... password=...'"
        )
    defaults: dict[str, Any] = {
        "connect_timeout": max(2, math.ceil(settings.connect_timeout_s)),
        "fallback_application_name": "ragkit",
        "client_encoding": "utf8",
        # A server that is cut off without a word is given up after half a minute, not after hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
    }
    options = {**defaults, **{key: value for key, value in options.items() if value is not None}}
    place = ":".join(str(options[key]) for key in ("host", "port") if options.get(key))
    database = options.get("dbname") or options.get("user") or ""
    return Target(options, f"postgresql {place or 'localhost'}/{database}, schema {settings.name}")


def _is_torn(dsn: str, options: dict[str, Any]) -> bool:
    """Whether what was read as a place may be a piece of a password that was not percent-encoded."""
    ports = str(options.get("port") or "").split(",")
    if any(port and not (port.isascii() and port.isdigit()) for port in ports):
        return True
    is_address = dsn.lstrip().startswith(("postgresql:", "postgres:"))
    return is_address and any("@" in str(options.get(key) or "") for key in ("host", "dbname"))


def connect(target: Target) -> Connection[Any]:
    """A connection that is not set up yet.

    Raises:
        StoreError: it is refused; `TransientStoreError` where that may pass.
    """
    import psycopg

    try:
        connection = patient().connect(**target.options, autocommit=True)
        limit_silence(connection, float(target.options["connect_timeout"]))
        return connection
    except psycopg.Error as e:
        # What the server said is in our error; the cause could show what the dsn said.
        raise explain(e, target.where, target.hidden) from None


def set_up(connection: Connection[Any], settings: PgSettings, where: str, *, is_reader: bool = False) -> None:
    """Prepares a session for the statements of this package.

    Args:
        is_reader: statements are planned for their very values. A plan that is kept for any commit takes it
            that few rows are of it: it passes an index over vectors by, and shares no scan between workers.

    Raises:
        StoreError: pgvector is not in the database.
    """
    limit_silence(connection, settings.connect_timeout_s)
    # A limit below a millisecond is one: 0 would be none.
    row = connection.execute(
        _SET_UP,
        {
            "schema": settings.name,
            "plans": "force_custom_plan" if is_reader else "auto",
            "timeout_ms": str(math.ceil(settings.statement_timeout_s * 1000)),
        },
    ).fetchone()
    if row is None:
        raise StoreError(
            f"{where}: the extension vector is not in this database. Let an administrator run there: CREATE "
            "EXTENSION vector"
        )
    register_types(connection, row[0])
    limit_silence(connection, settings.statement_timeout_s)
