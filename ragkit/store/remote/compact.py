"""Garbage: what was replaced or removed is deleted once no reader can see it."""

from __future__ import annotations

import time
from collections.abc import Callable

from ragkit.failpoints import reach
from ragkit.store.abilities import Compaction, Holdings
from ragkit.store.remote import head as heads
from ragkit.store.remote.conditions import Condition, all_of, equals, in_range, is_among, none_of
from ragkit.store.remote.head import OPEN, Head
from ragkit.store.remote.holds import Holds
from ragkit.store.remote.lease import WriterLease
from ragkit.store.remote.server import CHUNKS, RECORDS, RemoteServer
from ragkit.store.remote.write import clean, settled

_POLL_S = 0.05


def holdings(server: RemoteServer, *, erases_files: bool) -> Holdings:
    """What is kept, and how much of it the current commit does not show."""
    head = heads.read(server)
    written = all_of([in_range("from", lt=OPEN), none_of(is_among("from", head.burnt))])
    ended = all_of([written, in_range("to", lt=OPEN), none_of(is_among("to", head.burnt))])
    return Holdings(
        head.number,
        kept_from=head.kept_from,
        generation=head.generation,
        n_chunks=server.count(CHUNKS, written),
        n_ended=server.count(CHUNKS, ended),
        n_bytes=server.n_bytes(),
        to_erase=head.to_erase,
        erases_files=erases_files,
    )


def compact(
    server: RemoteServer, lease: WriterLease, holds: Holds, purge: Callable[[], None], *, wait_s: float
) -> Compaction:
    """Deletes what no reader can see.

    The head says first from where on commits are kept: a reader of an older one is told, and never given a
    part of it.

    Args:
        purge: lets bytes go of what was deleted; the head says until it returns that something is to be
            erased.

    Raises:
        StoreError: the server refuses, or somebody else is writing.
    """
    head = settled(server, lease)
    clean(server, head)
    kept_from = _wait_for_readers(holds, head.number, time.monotonic() + wait_s)
    reach("compact.begun")
    n_collected = _dropped(server, lease, head, kept_from)
    n_held, n_states = _n_ended(server, head, head.number)
    erased = not head.to_erase or n_held + n_states == 0
    if head.to_erase and erased:
        purge()
        heads.change(server, {"to_erase": False}, owner=lease.owner)
    holds.sweep()
    reach("compact.done")
    return Compaction(n_collected, n_held=n_held, erased=erased)


def mark(server: RemoteServer, lease: WriterLease) -> None:
    """Records that something is to be gone."""
    settled(server, lease)
    heads.change(server, {"to_erase": True}, owner=lease.owner)


def _wait_for_readers(holds: Holds, number: int, deadline: float) -> int:
    while True:
        oldest = holds.oldest(before=number)
        if oldest == number or time.monotonic() >= deadline:
            return oldest
        time.sleep(_POLL_S)


def _dropped(server: RemoteServer, lease: WriterLease, head: Head, kept_from: int) -> int:
    n, n_states = _n_ended(server, head, kept_from)
    if not n and not n_states:
        return 0
    # States are asked for at the current commit alone: without them an older one is still whole.
    record = {"kept_from": max(kept_from, head.kept_from)} if n else {}
    record["generation"] = head.generation + 1
    heads.change(server, record, owner=lease.owner, number=head.number)
    if heads.read(server).generation != record["generation"]:
        raise lease.lost()
    reach("compact.named")
    ended = _ended_by(head, kept_from)
    if n:
        lease.keep()
        server.delete(CHUNKS, ended)
        reach("compact.rows")
    server.delete(RECORDS, ended if n else all_of([ended, equals("kind", "state")]))
    server.settle()
    return n


def _n_ended(server: RemoteServer, head: Head, commit: int) -> tuple[int, int]:
    """How many chunks and versions of documents a commit does not show any more, and how many states."""
    ended = _ended_by(head, commit)
    n_documents = server.count(RECORDS, all_of([ended, equals("kind", "document")]))
    n_states = server.count(RECORDS, all_of([ended, equals("kind", "state")]))
    return server.count(CHUNKS, ended) + n_documents, n_states


def _ended_by(head: Head, commit: int) -> Condition:
    """What a commit that happened has ended: a writer that was asleep may end things under a burnt number."""
    return all_of([in_range("to", lte=commit), none_of(is_among("to", head.burnt))])
