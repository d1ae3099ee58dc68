"""What a scope shows, as a condition of the server, and the judge of every hit that comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.fields import shown
from ragkit.filters import matches
from ragkit.protocols import Scope
from ragkit.store import codec
from ragkit.store.remote import head as heads
from ragkit.store.remote.bounds import upper_bound
from ragkit.store.remote.conditions import Condition, all_of, equals, is_among
from ragkit.store.remote.head import Head
from ragkit.store.remote.points import JUDGED
from ragkit.store.remote.server import RemoteServer
from ragkit.store.scoping import check_scope
from ragkit.store_spec import StoreSpec

T = TypeVar("T")
_JUDGED_WITHOUT_FILTER = tuple(key for key in JUDGED if key != "shape")


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A server, and what a scope shows of it.

    Args:
        server: the server.
        scope: the scope, its commit pinned.
        head: what the head said when the view was made.
        readable: the condition for the chunks of all commits that the reader may see, and perhaps a few that
            it may not; False for none.
    """

    server: RemoteServer
    scope: Scope
    head: Head
    readable: Condition

    @property
    def population(self) -> Condition:
        """The condition for the chunks of the tenant at the commit, which BM25 counts."""
        return all_of([self._of_commit(), *_of_tenant(self.scope)])

    @property
    def shown(self) -> Condition:
        """The condition for the chunks that may be seen, and perhaps a few that may not; False for none."""
        return all_of([self._of_commit(), self.readable])

    @property
    def judged(self) -> tuple[str, ...]:
        """The keys that `shows` must be told."""
        return JUDGED if self.scope.filter is not None else _JUDGED_WITHOUT_FILTER

    def shows(self, payload: dict[str, Any]) -> bool:
        """Whether the scope shows what a hit says of itself. No hit is given on without this."""
        scope = self.scope
        assert scope.commit is not None
        return (
            payload["tenant"] == (scope.tenant or "")
            and (scope.acl is None or not set(scope.acl).isdisjoint(payload.get("acl") or ()))
            and self.head.is_shown(payload, scope.commit)
            and (scope.filter is None or matches(scope.filter, codec.metadata_of(payload["shape"])))
        )

    def _of_commit(self) -> Condition:
        assert self.scope.commit is not None
        return self.head.shows(self.scope.commit)


@contextmanager
def viewing(
    server: RemoteServer, spec: StoreSpec, scope: Scope, head_of: Callable[[int], Head | None]
) -> Iterator[View]:
    """What a scope shows, of the current commit where it pins none.

    Args:
        head_of: the head that was read for a commit which is held since, if it is; it spares two questions.

    Raises:
        TenantError, FilterError, StoreError: see `check_scope`; nothing is asked of the server then.
        StoreError: the pinned commit does not exist, or was collected, at the latest while it was read.
    """
    check_scope(replace(scope, commit=scope.commit or 0), spec, server.where)
    if scope.commit is not None and (held := head_of(scope.commit)) is not None:
        yield _view(server, scope, held)
        return
    head = heads.read(server)
    commit = head.number if scope.commit is None else scope.commit
    if commit > head.number or commit in head.burnt:
        raise StoreError(
            f"{server.where}: commit {shown(commit)} does not exist; the current one is {head.number}"
        )
    check_kept(commit, head, server.where)
    try:
        yield _view(server, replace(scope, commit=commit), head)
    except CorruptIndexError:
        # Of what was collected meanwhile a part may be gone already.
        check_kept(commit, heads.read(server), server.where)
        raise
    # What is collected leaves only after the head says so: what was read before that was whole.
    check_kept(commit, heads.read(server), server.where)


def _view(server: RemoteServer, scope: Scope, head: Head) -> View:
    return View(server, scope, head, all_of([*_of_tenant(scope), *_of_reader(scope)]))


def at_head(server: RemoteServer, ask: Callable[[Head], T]) -> T:
    """What an enquiry about the current commit gives, asked again where that was collected meanwhile.

    Raises:
        CorruptIndexError: a part of it is gone, and nothing was collected.
    """
    while True:
        head = heads.read(server)
        try:
            found = ask(head)
        except CorruptIndexError:
            # Of what was collected meanwhile a part may be gone already.
            if heads.read(server).generation == head.generation:
                raise
            continue
        after = heads.read(server)
        if after.number == head.number or after.generation == head.generation:
            return found


def check_kept(commit: int, head: Head, where: str) -> None:
    """Refuses a commit of which a part was collected.

    Raises:
        StoreError: it is one.
    """
    if commit < head.kept_from:
        raise StoreError(
            f"{where}: commit {commit} is not kept any more, the index was compacted. Ask again: the current "
            f"commit is {head.number}. To keep a commit while it is read, hold it: store.hold()"
        )


def _of_tenant(scope: Scope) -> list[Condition]:
    return [] if scope.tenant is None else [equals("tenant", scope.tenant)]


def _of_reader(scope: Scope) -> list[Condition]:
    conditions: list[Condition] = [] if scope.acl is None else [is_among("acl", scope.acl)]
    return conditions if scope.filter is None else [*conditions, upper_bound(scope.filter)]
