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
from ragkit_connectors.pgvector.database import Database, Reading
from ragkit_connectors.pgvector.encoding import sendable, spelled, to_bytes, to_text
from ragkit_connectors.pgvector.filters import Condition, TooWideError

if TYPE_CHECKING:
    from psycopg import Cursor

_STANDS = "c.from_commit <= %(commit)s AND c.to_commit > %(commit)s"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A transaction, and what a scope shows of it.

    Args:
        reading: the transaction.
        scope: the scope, its commit pinned.
        population: the condition for the chunks of the tenant at the commit, which BM25 counts.
        shown: the condition for the chunks that may be seen.
        values: what is bound to both.
    """

    reading: Reading
    scope: Scope
    population: str
    shown: str
    values: dict[str, Any]

    def rows(self, statement: str, *, planned_anew: bool = False, **values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives that holds `{population}` or `{shown}`; see `Reading.rows`."""
        return self.reading.rows(self._sql(statement), {**self.values, **values}, planned_anew=planned_anew)

    def cursor(self, statement: str, **values: Any) -> Cursor[Any]:
        """The same within a pipeline, planned anew; what it gives is there when that ends."""
        given = {**self.values, **values}
        return self.reading.connection.execute(self._sql(statement), given, prepare=False, binary=True)

    def _sql(self, statement: str) -> str:
        return statement.replace("{population}", self.population).replace("{shown}", self.shown)


@contextmanager
def viewing(database: Database, spec: StoreSpec, scope: Scope) -> Iterator[View]:
    """A transaction that sees what a scope shows, of the current commit where it pins none.

    Raises:
        TenantError, FilterError, StoreError: see `check_scope`; nothing is asked of the database then.
        StoreError: the pinned commit does not exist, or is not kept any more.
    """
    check_scope(
        replace(scope, commit=scope.commit or 0) if scope.commit is None else scope, spec, database.where
    )
    try:
        (population, shown_, values), is_whole = _conditions(scope), True
    except TooWideError:
        (population, shown_, values), is_whole = _conditions(replace(scope, filter=None)), False
    with database.reading(scope.tenant if scope.tenant is not None else "") as reading:
        commit = reading.number if scope.commit is None else scope.commit
        check_commit(commit, reading, database.where)
        view = View(reading, replace(scope, commit=commit), population, shown_, {**values, "commit": commit})
        yield view if is_whole else _judged_here(view)


def check_commit(commit: int, reading: Reading, where: str) -> None:
    """Refuses a commit that is not there, or of which a part was collected.

    Raises:
        StoreError: it is one.
    """
    if commit > reading.number:
        raise StoreError(
            f"{where}: commit {shown(commit)} does not exist; the current one is {reading.number}"
        )
    if commit < reading.kept_from:
        raise StoreError(
            f"{where}: commit {commit} is not kept any more, the index was compacted. Ask again: the current "
            f"commit is {reading.number}. To keep a commit while it is read, hold it: PgvectorStore.hold()"
        )


def _judged_here(view: View) -> View:
    """The same with a filter that no statement can carry: all chunks are read, and those named that pass."""
    assert view.scope.filter is not None
    rows = [
        row
        for row, shape in view.rows('SELECT c."row", c.shape FROM chunks c WHERE {shown}')
        if matches(view.scope.filter, codec.metadata_of(to_text(shape)))
    ]
    named = f'{view.shown} AND c."row" = ANY(%(rows)s::bigint[])'
    return replace(view, shown=named, values={**view.values, "rows": rows})


def _conditions(scope: Scope) -> tuple[str, str, dict[str, Any]]:
    population, values = [_STANDS], dict[str, Any]()
    if scope.tenant is not None:
        population.append("c.tenant = %(tenant)s")
        values["tenant"] = to_bytes(scope.tenant)
    shown_ = list(population)
    if scope.acl is not None:
        shown_.append("c.acl ?| %(acl)s::text[]")
        values["acl"] = [sendable(spelled(group)) for group in scope.acl]
    if scope.filter is not None:
        condition = Condition(scope.filter)
        shown_.append(condition.sql)
        values |= condition.values
    return " AND ".join(population), " AND ".join(shown_), values
