"""What a scope shows, as a condition of SQL over `chunks c`; every value in it is bound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ragkit.errors import StoreError
from ragkit.fields import shown
from ragkit.filters import matches
from ragkit.protocols import Scope
from ragkit.store import codec
from ragkit.store.scoping import check_scope
from ragkit.store_spec import StoreSpec
from ragkit_connectors.pgvector.database import Database, Pointer, Reading
from ragkit_connectors.pgvector.encoding import sendable, spelled, to_bytes, to_text
from ragkit_connectors.pgvector.filters import Condition, TooWideError

if TYPE_CHECKING:
    from psycopg import Cursor

_STANDS = "c.from_commit <= %(commit)s AND c.to_commit > %(commit)s"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a scope that pins a commit shows, as conditions.

    Args:
        population: for the chunks of the tenant at the commit, which BM25 counts.
        seen: for the chunks that may be seen.
        values: what is bound to both.
    """

    population: str
    seen: str
    values: dict[str, Any]

    @classmethod
    def by(cls, scope: Scope) -> Shown:
        """The conditions of a scope.

        Raises:
            TooWideError: its filter has more values than a statement takes.
        """
        population, values = [_STANDS], dict[str, Any](commit=scope.commit)
        if scope.tenant is not None:
            population.append("c.tenant = %(tenant)s")
            values["tenant"] = to_bytes(scope.tenant)
        seen = list(population)
        if scope.acl is not None:
            seen.append("c.acl ?| %(acl)s::text[]")
            values["acl"] = [sendable(spelled(group)) for group in scope.acl]
        if scope.filter is not None:
            condition = Condition(scope.filter)
            seen.append(condition.sql)
            values |= condition.values
        return cls(" AND ".join(population), " AND ".join(seen), values)

    def sql(self, statement: str) -> str:
        """A statement with its `{population}` and `{shown}` filled in."""
        return statement.replace("{population}", self.population).replace("{shown}", self.seen)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A transaction, and what a scope shows of it.

    Args:
        reading: the transaction.
        scope: the scope, its commit pinned.
        shown: its conditions.
    """

    reading: Reading
    scope: Scope
    shown: Shown

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives that holds `{population}` or `{shown}`."""
        return self.reading.rows(self.shown.sql(statement), {**self.shown.values, **values})

    def cursor(self, statement: str, **values: Any) -> Cursor[Any]:
        """The same within a pipeline; what it gives is there when that ends."""
        given = {**self.shown.values, **values}
        return self.reading.connection.execute(self.shown.sql(statement), given, binary=True)


@contextmanager
def viewing(database: Database, spec: StoreSpec, scope: Scope) -> Iterator[View]:
    """A transaction that sees what a scope shows, of the current commit where it pins none.

    Raises:
        TenantError, FilterError, StoreError: see `check_scope`; nothing is asked of the database then.
        StoreError: the pinned commit does not exist, or is not kept any more.
    """
    pinned = scope if scope.commit is not None else replace(scope, commit=0)
    check_scope(pinned, spec, database.where)
    try:
        shown_, is_whole = Shown.by(pinned), True
    except TooWideError:
        shown_, is_whole = Shown.by(replace(pinned, filter=None)), False
    with database.reading(scope.tenant if scope.tenant is not None else "") as reading:
        commit = reading.pointer.number if scope.commit is None else scope.commit
        check_commit(commit, reading.pointer, database.where)
        shown_.values["commit"] = commit
        view = View(reading, replace(scope, commit=commit), shown_)
        yield view if is_whole else _judged_here(view)


def check_commit(commit: int, pointer: Pointer, where: str) -> None:
    """Refuses a commit that is not there, or of which a part was collected.

    Raises:
        StoreError: it is one.
    """
    if commit > pointer.number:
        raise StoreError(
            f"{where}: commit {shown(commit)} does not exist; the current one is {pointer.number}"
        )
    if commit < pointer.kept_from:
        raise StoreError(
            f"{where}: commit {commit} is not kept any more, the index was compacted. Ask again: the current "
            f"commit is {pointer.number}. To keep a commit while it is read, hold it: PgvectorStore.hold()"
        )


def _judged_here(view: View) -> View:
    """The same with a filter that no statement can carry: all chunks are read, and those named that pass."""
    assert view.scope.filter is not None
    rows = [
        row
        for row, shape in view.rows('SELECT c."row", c.shape FROM chunks c WHERE {shown}')
        if matches(view.scope.filter, codec.metadata_of(to_text(shape)))
    ]
    named = f'{view.shown.seen} AND c."row" = ANY(%(rows)s::bigint[])'
    return replace(view, shown=replace(view.shown, seen=named, values={**view.shown.values, "rows": rows}))
