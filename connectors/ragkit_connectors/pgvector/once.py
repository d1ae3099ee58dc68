"""Single statements that read the commit pointer along with what a scope shows: one round trip, one moment.

A transaction takes three trips: one begins it, one asks, one ends it. A statement sees the database as of one
moment too, so where one is enough, it asks for the pointer besides, and the commit is checked afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ragkit.protocols import Scope
from ragkit.store.scoping import check_scope
from ragkit.store_spec import StoreSpec
from ragkit_connectors.pgvector.database import Database, Pointer, SessionSettings
from ragkit_connectors.pgvector.filters import TooWideError
from ragkit_connectors.pgvector.view import Shown, View, check_commit, viewing

# The pointer is one row, and the planner is to know it: it is where rows would be multiplied with it.
_WITH_POINTER = (
    "SELECT h.number, h.kept_from, uuid_send(h.token), q.* FROM (SELECT * FROM head LIMIT 1) h "
    "LEFT JOIN LATERAL ({statement}) q ON true"
)
_N_OF_POINTER = 3


@dataclass(frozen=True, slots=True, eq=False)
class Once:
    """What a scope shows, asked in statements of which each is a transaction of its own.

    Args:
        scope: the scope, which pins a commit.
        shown: its conditions.
    """

    database: Database
    scope: Scope
    shown: Shown

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives that holds `{shown}`; its first column is never NULL.

        Raises:
            StoreError: the commit does not exist, or is not kept any more.
        """
        return self.all_rows(statement, [values])[0].rows

    def all_rows(
        self, statement: str, values: Sequence[dict[str, Any]], searched: SessionSettings | None = None
    ) -> list[Found]:
        """The same for several values, in one round trip; `searched` as in `Database.once`."""
        sql = _WITH_POINTER.replace("{statement}", self.shown.sql(statement))
        answers = self.database.once(
            sql, [{**self.shown.values, **own} for own in values], self.scope.tenant, searched
        )
        return [self._found(rows) for rows in answers]

    def _found(self, rows: list[tuple[Any, ...]]) -> Found:
        pointer = Pointer(*rows[0][:_N_OF_POINTER])
        assert self.scope.commit is not None
        check_commit(self.scope.commit, pointer, self.database.where)
        if rows[0][_N_OF_POINTER] is None:
            return Found(pointer, [])
        return Found(pointer, [row[_N_OF_POINTER:] for row in rows])


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a statement gave, and the pointer at that moment."""

    pointer: Pointer
    rows: list[tuple[Any, ...]]


def once(database: Database, spec: StoreSpec, scope: Scope) -> Once | None:
    """A scope for single statements; None where its commit or its filter needs a transaction.

    Raises:
        TenantError, FilterError, StoreError: see `check_scope`.
    """
    if scope.commit is None:
        return None
    check_scope(scope, spec, database.where)
    try:
        return Once(database, scope, Shown.by(scope))
    except TooWideError:
        return None


@contextmanager
def asking(database: Database, spec: StoreSpec, scope: Scope) -> Iterator[Once | View]:
    """What answers one statement about a scope, in as few round trips as that takes.

    Raises:
        TenantError, FilterError, StoreError: see `viewing`.
    """
    single = once(database, spec, scope)
    if single is not None:
        yield single
        return
    with viewing(database, spec, scope) as view:
        yield view
