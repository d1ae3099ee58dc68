"""What a commit writes beside its chunks: documents, states, and each tenant's totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ragkit.protocols import Change
from ragkit.store.remote.head import OPEN, Head
from ragkit.store.remote.manifest import (
    document_record,
    state_key,
    state_record,
    totals_key,
    visible_of,
)
from ragkit.store.remote.points import document_key
from ragkit.store.remote.server import Point, RemoteServer
from ragkit.store.remote.words import point_id, word

_SIZES = ("documents", "chunks", "terms")


class Records:
    """The records of a commit, in `points`, and the keys of those that they take the place of, in `ended`."""

    def __init__(self, server: RemoteServer, head: Head, changes: Sequence[Change], number: int) -> None:
        self._server = server
        self._head = head
        self._number = number
        self.points: list[Point] = []
        self.ended: list[str] = []
        keys = [document_key(change.state.tenant, change.state.document_id) for change in changes]
        self._before = {raw["key"]: raw for raw in visible_of(server, head, keys, ("key", *_SIZES))}
        self._growth: dict[str, list[int]] = {}
        for key, change in zip(keys, changes, strict=True):
            self._add(key, change)
        self._add_totals()

    def _add(self, key: str, change: Change) -> None:
        state, before = change.state, self._before.get(key)
        self.ended.append(state_key(key))
        if change.document is None and state.state == "quarantined":
            # A broken update leaves the content as it was.
            self._add_state(
                key, replace(change, state=replace(state, n_chunks=before["chunks"] if before else 0))
            )
            return
        self.ended.append(key)
        if before:
            self._grow(state.tenant, [-before[name] for name in _SIZES])
        if change.document is None:
            return
        sizes = [1, len(change.records), sum(len(record.terms) for record in change.records)]
        self._grow(state.tenant, sizes)
        record = document_record(change.document)
        self._point("document", key, state.tenant, record=record, **dict(zip(_SIZES, sizes, strict=True)))
        self._add_state(key, replace(change, state=replace(state, n_chunks=len(change.records))))

    def _add_state(self, key: str, change: Change) -> None:
        state = change.state
        place = {} if state.uri is None else {"uri": word(state.uri)}
        record = state_record(state)
        self._point("state", state_key(key), state.tenant, state=state.state, record=record, **place)

    def _grow(self, tenant: str, sizes: Sequence[int]) -> None:
        sums = self._growth.setdefault(tenant, [0] * len(_SIZES))
        self._growth[tenant] = [a + b for a, b in zip(sums, sizes, strict=True)]

    def _add_totals(self) -> None:
        keys = {tenant: totals_key(tenant) for tenant in self._growth}
        found = visible_of(self._server, self._head, list(keys.values()), ("key", *_SIZES))
        before = {raw["key"]: [raw[name] for name in _SIZES] for raw in found}
        for tenant, growth in self._growth.items():
            key = keys[tenant]
            sums = [a + b for a, b in zip(before.get(key, [0] * len(_SIZES)), growth, strict=True)]
            self.ended.append(key)
            self._point("totals", key, tenant, **dict(zip(_SIZES, sums, strict=True)))

    def _point(self, kind: str, key: str, tenant: str, **values: Any) -> None:
        payload = {"kind": kind, "key": key, "tenant": tenant, "from": self._number, "to": OPEN, **values}
        identity = point_id("record", key, str(self._number))
        self.points.append(Point(identity, payload=payload))
