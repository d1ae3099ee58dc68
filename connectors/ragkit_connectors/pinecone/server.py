"""A Pinecone index as a place for an index: what `RemoteServer` asks, in its requests."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ragkit.errors import CorruptIndexError, TransientStoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.candidates import best_of
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.points import COUNTED, JUDGED
from ragkit.store.remote.server import CHUNKS, Found, Place, Point, ReadOnlyError
from ragkit.store.remote.tokens import tenant_of, token
from ragkit_connectors.http_calls import AbsentError
from ragkit_connectors.pinecone import calls, filters, rows
from ragkit_connectors.pinecone.calls import Calls
from ragkit_connectors.pinecone.canaries import Canaries
from ragkit_connectors.pinecone.heads import Heads
from ragkit_connectors.pinecone.settings import PineconeSettings

MOST_HITS = 1000  # of one query: hits come with all of their metadata, and an answer holds 4 MB
PAGE = 100
_MOST_RECORDS, _MOST_BYTES = 100, 1_800_000  # of one upsert: the server takes 1,000 and 2 MB
_MOST_IDS = 100  # of one fetch: they stand in the URL
_MOST_DELETED = 1000
_MOST_ROUNDS = 20


class PineconeServer(Calls):
    """The calls that hold an index."""

    restore = "Restore the index from a backup"
    sparse_loss = 0.0

    def __init__(self, settings: PineconeSettings, make_client: Callable[[], Any]) -> None:
        super().__init__(settings, make_client)
        self.lease_s = settings.lease_s
        self.heads = Heads(self)
        self.canaries = Canaries(self)
        self.dimension = 1  # of the index; told once it was asked
        self.length = 1  # of our vectors, which may be shorter: then zeros follow, and change no product
        self._may_count = True

    # --- the record of commits --------------------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """What the state with the greatest number says."""
        return self.heads.head()

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Makes the next state: of two that want to, one does."""
        self.heads.change_head(values, expected)

    # --- writing ----------------------------------------------------------------------------------

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Writes records under their ids, the parts of each before it."""
        made: dict[str, list[dict[str, Any]]] = {}
        parts: list[dict[str, Any]] = []
        for point in points:
            row, texts = rows.row_of(place, point, self.where)
            ids = rows.part_ids(point.id, len(texts))
            parts += [self._part(i, text) for i, text in zip(ids, texts, strict=True)]
            values = self._nowhere() if point.vector is None else self._padded(point.vector.tolist())
            record = {"id": point.id, "values": values, "metadata": row}
            made.setdefault(self._space_of(place, point), []).append(record)
        self.upsert(self.settings.parts, parts)
        for namespace, records in made.items():
            self.upsert(namespace, records)

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Changes the records of a filter: what it means is found when each is changed."""
        if condition is False:
            return
        changed = {filters.COLUMNS[key]: value for key, value in values.items()}
        body = {"filter": filters.as_filter(condition), "setMetadata": changed}
        for namespace in self._spaces(place, condition):
            with contextlib.suppress(AbsentError):
                self.change("/vectors/update", namespace, body)

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes the records that a condition holds for, then their parts, all by their ids."""
        if condition is False:
            return
        for namespace in self._spaces(place, condition):
            found = [
                (hit["id"], hit["metadata"]) for hit in self._every(namespace, filters.as_filter(condition))
            ]
            self._remove(namespace, [identity for identity, _ in found])
            texts = [i for identity, row in found for i in rows.part_ids(identity, int(row[rows.N_PARTS]))]
            self._remove(self.settings.parts, texts)

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes records by their ids; those that are removed so have one part."""
        self._remove(self.settings.records, ids)
        self._remove(self.settings.parts, [part for i in ids for part in rows.part_ids(i, 1)])

    def settle(self) -> None:
        """Waits until answers of each kind are up to what was written."""
        for namespace in [self.settings.records, *self._spaces(CHUNKS, True)]:
            # Also what others wrote: the canary comes after it. Parts are fetched by their ids, and one that
            # is not there yet is asked for again.
            self.canaries.let_go(namespace)
            self._asked(namespace, self._nowhere(), 1, None)

    def put_text(self, identity: str, text: str) -> None:
        """Writes a text, and waits until it is there."""
        self.upsert(self.settings.parts, [self._part(identity, text)])
        try:
            self.text(identity)
        except CorruptIndexError as e:
            raise TransientStoreError(
                f"{self.where}: after timeout_s what was written to namespace {self.settings.parts} cannot "
                "be fetched yet. Try again, or raise timeout_s"
            ) from e

    def text(self, identity: str) -> str:
        """A text that was written, waited for where copies of the namespace lag.

        Raises:
            CorruptIndexError: it is not there.
        """
        deadline = time.monotonic() + self.settings.timeout_s
        while identity not in (found := self._texts([identity])):
            if time.monotonic() >= deadline:
                raise self.gone(f"record {identity} of {self.settings.parts}")
            time.sleep(calls.POLL_S)
        return found[identity]

    def drop_texts(self, ids: Sequence[str]) -> None:
        """Removes texts."""
        self._remove(self.settings.parts, ids)

    # --- reading ----------------------------------------------------------------------------------

    def count(self, place: Place, condition: Condition) -> int:
        """For how many records a filter holds: what a change of them would change, which is not made."""
        if condition is False:
            return 0
        wanted = filters.as_filter(condition)
        return sum(self._count(namespace, wanted) for namespace in self._spaces(place, condition))

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """One request for each condition."""
        return [self.count(place, condition) for condition in conditions]

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All records for which a condition holds, a page at a time."""
        if condition is False:
            return
        for namespace in self._spaces(place, condition):
            yield from self._found(place, namespace, filters.as_filter(condition), keys)

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """By the server's index, one request for each vector; or by reading all and comparing here."""
        if is_exact or limit > MOST_HITS:
            return self._compared(condition, vectors, limit)
        wanted = filters.as_filter(condition)
        return [
            _best(
                [hit for n in self._spaces(CHUNKS, condition) for hit in self._near(n, v, limit, wanted)],
                limit,
            )
            for v in map(self._padded, vectors.tolist())
        ]

    def propose(
        self, condition: Condition, queries: Sequence[Mapping[str, float]], limit: int
    ) -> list[list[Found]]:
        """By what each word may add at most; what is proposed is scored here."""

        def fetch(impacts: Sequence[str]) -> Iterator[Found]:
            for namespace in self._spaces(CHUNKS, condition):
                yield from self._found(CHUNKS, namespace, filters.holding(condition, impacts), COUNTED)

        return [best_of(weights, limit, fetch) for weights in queries]

    def n_bytes(self) -> int:
        """The server does not tell."""
        return 0

    def namespaces(self, prefix: str) -> list[str]:
        """The names of the namespaces that begin with something."""
        names: list[str] = []
        page: dict[str, str] = {}
        while True:
            answer = self.request("GET", "/namespaces", None, {"prefix": prefix, "limit": "100", **page})
            if not isinstance(answer, dict):
                raise self.no_server()
            names += [str(one["name"]) for one in answer.get("namespaces") or ()]
            after = (answer.get("pagination") or {}).get("next")
            if not after:
                return [name for name in names if name.startswith(prefix)]
            page = {"paginationToken": after}

    # --- requests ---------------------------------------------------------------------------------

    def upsert(self, namespace: str, records: Sequence[dict[str, Any]]) -> None:
        """Writes records, as many in a request as the server takes."""
        some: list[dict[str, Any]] = []
        size = 0
        for record in records:
            n = len(json.dumps(record, ensure_ascii=False).encode())
            if some and (len(some) >= _MOST_RECORDS or size + n > _MOST_BYTES):
                self.change("/vectors/upsert", namespace, {"vectors": some})
                some, size = [], 0
            some.append(record)
            size += n
        if some:
            self.change("/vectors/upsert", namespace, {"vectors": some})

    def _remove(self, namespace: str, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), _MOST_DELETED):
            with contextlib.suppress(AbsentError):
                self.change("/vectors/delete", namespace, {"ids": list(ids[first : first + _MOST_DELETED])})

    def _count(self, namespace: str, wanted: filters.Filter | None) -> int:
        if self._may_count:
            # A dry run changes nothing; were it run all the same, nobody reads what it sets.
            body = {"filter": wanted or _ALL, "setMetadata": {"probe": 0}, "dryRun": True}
            try:
                return int(self.read("POST", "/vectors/update", namespace, body).get("matchedRecords") or 0)
            except AbsentError:
                return 0
            except ReadOnlyError:
                self._may_count = False
        return sum(1 for _ in self._every(namespace, wanted))

    def _every(self, namespace: str, wanted: filters.Filter | None) -> Iterator[dict[str, Any]]:
        page: dict[str, Any] = {}
        while True:
            body = {"filter": wanted or _ALL, "limit": PAGE, **page}
            try:
                answer = self.read("POST", "/vectors/fetch_by_metadata", namespace, body)
            except AbsentError:
                return
            yield from (answer.get("vectors") or {}).values()
            after = (answer.get("pagination") or {}).get("next")
            if not after:
                return
            page = {"paginationToken": after}

    def _found(
        self, place: Place, namespace: str, wanted: filters.Filter | None, keys: Sequence[str]
    ) -> Iterator[Found]:
        hits = self._every(namespace, wanted)
        while some := [hit for _, hit in zip(range(PAGE), hits, strict=False)]:
            texts: dict[str, str | None] = {}
            if rows.needs_parts(place, keys):
                ids = {
                    hit["id"]: rows.part_ids(hit["id"], int(hit["metadata"][rows.N_PARTS])) for hit in some
                }
                read = self._whole_texts([part for parts in ids.values() for part in parts])
                texts = {
                    i: "".join(read[p] for p in parts) if read.keys() >= set(parts) else "{}"
                    for i, parts in ids.items()
                }
            for hit in some:
                payload = rows.payload_of(hit["metadata"], place, texts.get(hit["id"]))
                if texts.get(hit["id"]) == "{}":
                    # Lost, or removed meanwhile, which the record of commits tells.
                    payload = _Partly(payload, self.gone(f"a text of record {hit['id']}"))
                yield Found(payload, read_vector=partial(_vector, hit["values"], self.length))

    def _whole_texts(self, ids: Sequence[str]) -> dict[str, str]:
        """Texts that were written before what names them, and may be a little later to be fetched."""
        found = self._texts(ids)
        for _ in range(_MOST_ROUNDS):
            missing = [identity for identity in ids if identity not in found]
            if not missing:
                break
            time.sleep(calls.POLL_S)
            found |= self._texts(missing)
        return found

    def _texts(self, ids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for first in range(0, len(ids), _MOST_IDS):
            given = {"ids": list(ids[first : first + _MOST_IDS])}
            with contextlib.suppress(AbsentError):
                answer = self.read("GET", "/vectors/fetch", self.settings.parts, None, given)
                vectors = answer.get("vectors") or {}
                found |= {i: str(one["metadata"][rows.PART]) for i, one in vectors.items()}
        return found

    def _near(
        self, namespace: str, vector: list[float], limit: int, wanted: filters.Filter | None
    ) -> list[Found]:
        return [
            Found(
                rows.payload_of(hit["metadata"], CHUNKS, None),
                read_vector=partial(_vector, hit["values"], self.length),
                score=float(hit["score"]),
            )
            for hit in self._asked(namespace, vector, limit, wanted)
        ]

    def _asked(
        self, namespace: str, vector: list[float], limit: int, wanted: filters.Filter | None
    ) -> list[dict[str, Any]]:
        body: dict[str, Any] = {"vector": vector, "topK": limit, "includeMetadata": wanted is not None}
        if wanted is not None:
            body |= {"filter": wanted, "includeValues": True}
        try:
            return list(self.read("POST", "/query", namespace, body).get("matches") or ())
        except AbsentError:
            return []

    def _compared(self, condition: Condition, vectors: Vectors, limit: int) -> list[list[Found]]:
        there = list(self.scroll(CHUNKS, condition, JUDGED, vectors=True))
        return [_best([_scored(hit, vector) for hit in there], limit) for vector in vectors]

    def _part(self, identity: str, text: str) -> dict[str, Any]:
        return self.row(identity, {rows.PART: text})

    def row(self, identity: str, metadata: dict[str, Any]) -> dict[str, Any]:
        """A record that no search by vector is meant to find."""
        return {"id": identity, "values": self._nowhere(), "metadata": metadata}

    def _nowhere(self) -> list[float]:
        """A vector for what has none: the server takes no record without, and no zeros."""
        return [1.0] + [0.0] * (self.dimension - 1)

    def _padded(self, vector: list[float]) -> list[float]:
        return vector + [0.0] * (self.dimension - len(vector))

    # --- namespaces -------------------------------------------------------------------------------

    def _space_of(self, place: Place, point: Point) -> str:
        if place != CHUNKS:
            return self.settings.records
        is_apart = self.settings.tenancy == "namespaces"
        return (
            f"{self.settings.chunks}.{token(point.payload['tenant'])}" if is_apart else self.settings.chunks
        )

    def _spaces(self, place: Place, condition: Condition) -> list[str]:
        """The namespaces that hold what a condition means."""
        if place != CHUNKS:
            return [self.settings.records]
        if self.settings.tenancy != "namespaces":
            return [self.settings.chunks]
        tenant = tenant_of(condition)
        if tenant is not None:
            return [f"{self.settings.chunks}.{token(tenant)}"]
        return self.namespaces(f"{self.settings.chunks}.")


class _Partly(dict[str, Any]):
    """The keys of a record of which some are lost: who needs one of these is told."""

    def __init__(self, payload: Mapping[str, Any], error: CorruptIndexError) -> None:
        super().__init__(payload)
        self._error = error

    def __missing__(self, key: str) -> Any:
        raise self._error


_ALL: dict[str, Any] = {"begun": {"$gte": 0}}


def _vector(numbers: Sequence[float], length: int) -> Vectors:
    return np.asarray(numbers[:length], dtype=np.float32)


def _scored(hit: Found, vector: Vectors) -> Found:
    held = hit.vector
    assert held is not None
    return Found(hit.payload, read_vector=hit.read_vector, score=float(np.dot(held, vector)))


def _best(hits: list[Found], limit: int) -> list[Found]:
    return sorted(hits, key=lambda hit: -hit.score)[:limit]
