"""How a commit is written to a server without transactions.

    1. what a writer before us began and did not finish is given up: its number is burnt
    2. the intent: the head names a number that was never used
    3. the new chunks, documents, states and totals, each under an id made of what it is and the number
    4. the end of the old ones, in one step for each group of documents
    5. the server is asked whether all of it is there
    6. the pointer moves to the number, if we still are the writer and nothing else happened: one step

Readers see nothing of 2 to 5, and all of it after 6. Steps may be repeated, and arrive late: what carries a
burnt number is as if unwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragkit.errors import TransientStoreError
from ragkit.failpoints import reach
from ragkit.protocols import Change
from ragkit.store.remote import head as heads
from ragkit.store.remote.conditions import Condition, all_of, equals, in_range, is_among
from ragkit.store.remote.head import OPEN, Head
from ragkit.store.remote.lease import WriterLease
from ragkit.store.remote.manifest import AT_ONCE
from ragkit.store.remote.points import chunk_point, document_key
from ragkit.store.remote.records import Records
from ragkit.store.remote.server import CHUNKS, RECORDS, Place, Point, RemoteServer

_MOST_POINTS = 128  # of one request
_MOST_CHARACTERS = 4_000_000


@dataclass(slots=True)
class _Batch:
    """All that a commit writes, and the keys of what it ends."""

    number: int
    chunks: list[Point] = field(default_factory=list)
    records: list[Point] = field(default_factory=list)
    ended_documents: list[str] = field(default_factory=list)
    ended_records: list[str] = field(default_factory=list)


def write_commit(server: RemoteServer, lease: WriterLease, changes: Sequence[Change]) -> int:
    """Writes changes as one commit and returns its number: readers see all of it or none.

    Raises:
        StoreError: the server refuses; `TransientStoreError` where the same call may go through later, also
            where another writer took over. Nothing of the changes is to be seen then, unless the server was
            lost just when the pointer moved: then the next call tells by the documents' states.
    """
    head = settled(server, lease)
    batch = _prepared(server, head, changes)
    reach("commit.begun")
    _intend(server, lease, head, batch.number)
    _write(server, lease, CHUNKS, batch.chunks)
    reach("commit.chunk")
    _write(server, lease, RECORDS, batch.records)
    reach("commit.state")
    _end(server, lease, head, batch)
    reach("commit.ended")
    _check(server, lease, head, batch)
    _move(server, lease, head, batch.number)
    reach("commit.done")
    return batch.number


def settled(server: RemoteServer, lease: WriterLease) -> Head:
    """The head, without an intent: one that was left is burnt, and what was written under it removed.

    Raises:
        TransientStoreError: somebody else is the writer by now.
    """
    lease.keep()
    # What a writer before us wrote last may not be found by everybody yet.
    server.settle()
    head = _ours(heads.read(server), lease)
    if head.intent:
        burnt = [*head.burnt, head.intent]
        heads.change(server, {"burnt": burnt, "intent": 0}, owner=lease.owner, intent=head.intent)
        head = _ours(heads.read(server), lease)
        clean(server, head)
    return head


def clean(server: RemoteServer, head: Head) -> None:
    """Removes what burnt numbers left behind. No reader sees a difference."""
    server.settle()
    for place in (CHUNKS, RECORDS):
        server.delete(place, is_among("from", head.burnt))
        server.set(place, {"to": OPEN}, is_among("to", head.burnt))


def _ours(head: Head, lease: WriterLease) -> Head:
    if head.owner != lease.owner:
        raise lease.lost()
    return head


def _prepared(server: RemoteServer, head: Head, changes: Sequence[Change]) -> _Batch:
    batch = _Batch(head.next_number)
    records = Records(server, head, changes, batch.number)
    for change in changes:
        key = document_key(change.state.tenant, change.state.document_id)
        if change.document is not None or change.state.state != "quarantined":
            batch.ended_documents.append(key)
        for record in change.records:
            batch.chunks.append(chunk_point(record, key, batch.number))
    batch.records, batch.ended_records = records.points, records.ended
    return batch


def _intend(server: RemoteServer, lease: WriterLease, head: Head, number: int) -> None:
    heads.change(server, {"intent": number}, owner=lease.owner, number=head.number, intent=0)
    if _ours(heads.read(server), lease).intent != number:
        raise lease.lost()


def _write(server: RemoteServer, lease: WriterLease, place: Place, points: Sequence[Point]) -> None:
    for some in _requests(points):
        lease.keep()
        server.write(place, some)


def _end(server: RemoteServer, lease: WriterLease, head: Head, batch: _Batch) -> None:
    for place, condition in _ended(head, batch):
        lease.keep()
        server.set(place, {"to": batch.number}, condition)


def _ended(head: Head, batch: _Batch) -> Iterator[tuple[Place, Condition]]:
    """Where the old versions of what a commit replaces lie, and which they are."""
    old = [in_range("from", lt=batch.number), head.stands()]
    for some in _groups(batch.ended_documents):
        yield CHUNKS, all_of([is_among("doc", some), *old])
    for some in _groups(batch.ended_records):
        yield RECORDS, all_of([is_among("key", some), *old])


def _check(server: RemoteServer, lease: WriterLease, head: Head, batch: _Batch) -> None:
    """Whether the server has each item.

    Raises:
        TransientStoreError: it acknowledged more than it has, or another writer took over.
    """
    written = equals("from", batch.number)
    server.settle()
    there = server.count(CHUNKS, written), server.count(RECORDS, written)
    left = sum(server.count(place, condition) for place, condition in _ended(head, batch))
    _ours(heads.read(server), lease)
    if there != (len(batch.chunks), len(batch.records)) or left:
        raise TransientStoreError(
            f"{server.where}: of {len(batch.chunks)} chunks and {len(batch.records)} records the server has "
            f"{there[0]} and {there[1]}, and {left} old ones are left, though it acknowledged all. Nothing "
            "of this commit is to be seen. Run it again"
        )


def _move(server: RemoteServer, lease: WriterLease, head: Head, number: int) -> None:
    try:
        heads.change(
            server,
            {"number": number, "intent": 0},
            owner=lease.owner,
            number=head.number,
            intent=number,
        )
    except TransientStoreError:
        # It may have moved all the same.
        after = heads.read(server)
        if after.number < number:
            raise
    else:
        after = heads.read(server)
    if after.number < number or number in after.burnt:
        raise lease.lost()
    reach("commit.pointer")


def _requests(points: Iterable[Point]) -> Iterator[list[Point]]:
    """The points in portions that a request can carry."""
    some: list[Point] = []
    size = 0
    for point in points:
        if some and (len(some) >= _MOST_POINTS or size > _MOST_CHARACTERS):
            yield some
            some, size = [], 0
        some.append(point)
        size += _size(point.payload)
    if some:
        yield some


def _size(payload: dict[str, Any]) -> int:
    return sum(len(value) for value in payload.values() if isinstance(value, str))


def _groups(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(keys), AT_ONCE):
        yield keys[first : first + AT_ONCE]
