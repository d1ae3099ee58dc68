"""A Weaviate server as a place for an index: what `RemoteServer` asks, in its requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.candidates import best_of
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.points import COUNTED, JUDGED
from ragkit.store.remote.server import CHUNKS, Found, Place, Point
from ragkit.store.remote.tokens import tenant_of, token
from ragkit_connectors.http_calls import AbsentError
from ragkit_connectors.weaviate import batch, query
from ragkit_connectors.weaviate.calls import Calls
from ragkit_connectors.weaviate.ends import NAMES, SLOTS, slot_of
from ragkit_connectors.weaviate.errors import gone
from ragkit_connectors.weaviate.heads import Heads
from ragkit_connectors.weaviate.schema import COLUMNS, MADE_BY, fields_of, found_of, object_of
from ragkit_connectors.weaviate.settings import WeaviateSettings
from ragkit_connectors.weaviate.tenants import Tenants

MOST_HITS = 10_000  # of one answer: QUERY_MAXIMUM_RESULTS
PAGE, PAGE_WITH_VECTORS = 1000, 250
_MOST_ROUNDS = 20
_AT_ONCE = 8  # changes of single objects under way
_POLL_S = 0.05


class WeaviateServer(Calls):
    """The calls that hold an index."""

    restore = "Restore all collections of the index from one backup"
    sparse_loss = 0.0

    def __init__(self, settings: WeaviateSettings, make_client: Callable[[], Any]) -> None:
        super().__init__(settings, make_client)
        self.lease_s = settings.lease_s
        self.heads = Heads(self, self.restore)
        self._tenants = Tenants(self)
        self.all_compared = 0  # where at most so many chunks are meant, the server compares with all

    def named(self, place: Place) -> str:
        """The collection of a place."""
        return self.settings.name if place == CHUNKS else self.settings.records

    # --- the record of commits --------------------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """What the state with the greatest number says."""
        return self.heads.head()

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Makes the next state: of two that want to, one does."""
        self.heads.change_head(values, expected)

    # --- writing ----------------------------------------------------------------------------------

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Writes objects under their ids, several in a request."""
        # Writing to a collection that is gone would make one, with guesses for properties.
        self._check_there(place)
        tenants = [self._tenant_of_point(place, point) for point in points]
        self._tenants.make(tenant for tenant in tenants if tenant is not None)
        name = self.named(place)
        batch.send(self, [object_of(name, place, p, t) for p, t in zip(points, tenants, strict=True)])

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Changes objects one by one: the server has no request that changes those of a condition."""
        if condition is False:
            return
        (number,) = values.values()
        assert list(values) == ["to"], "nothing else is ever changed"
        slots = range(SLOTS) if number == OPEN else [slot_of(number, self._burnt())]
        for tenant in self._shards(place, condition):
            for slot in slots:
                # What is opened again is the one that a burnt number closed.
                meant = slot if number == OPEN else None
                hits = self._every(place, condition, tenant, (), "id", slot=meant)
                ids = [hit["_additional"]["id"] for hit in hits]
                properties = {COLUMNS[NAMES[slot]]: number}
                with ThreadPoolExecutor(_AT_ONCE) as pool:
                    for done in [pool.submit(self._merge, place, i, properties, tenant) for i in ids]:
                        done.result()

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes all objects for which a condition holds, as many in a request as the server removes."""
        if condition is False:
            return
        where = query.as_where(condition)
        for tenant in self._shards(place, condition):
            batch.delete(self, self.named(place), where, tenant)

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes records by their ids."""
        for identity in ids:
            try:
                self.request("DELETE", f"/v1/objects/{self.named(place)}/{identity}", None, batch.EVERYWHERE)
            except AbsentError:
                continue

    def settle(self) -> None:
        """Waits until what was written is in the index of vectors, where the server does that afterwards."""
        deadline = time.monotonic() + self.settings.timeout_s
        while n_waiting := self._n_waiting():
            if time.monotonic() >= deadline:
                raise TransientStoreError(
                    f"{self.where}: after timeout_s {n_waiting} vectors are not in the index yet "
                    "(ASYNC_INDEXING). Try again, or raise timeout_s"
                )
            time.sleep(_POLL_S)

    def _burnt(self) -> Sequence[int]:
        """The burnt numbers as they were seen last: of those before a number that is begun none is added."""
        seen = self.heads.seen or self.heads.current()
        return () if seen is None else self.heads.payload(seen)["burnt"]

    def _check_there(self, place: Place) -> None:
        name = self.named(place)
        try:
            found = self.request("GET", f"/v1/schema/{name}")
        except AbsentError as e:
            raise gone(self.where, name) from e
        if found.get("description") != MADE_BY:
            raise gone(self.where, f"{name} is another one")

    def _n_waiting(self) -> int:
        path = f"/v1/nodes/{self.settings.name}"
        try:
            answer = self.request("GET", path, None, {"output": "verbose"})
        except AbsentError as e:
            raise gone(self.where, str(e)) from e
        shards = [shard for node in answer.get("nodes") or () for shard in node.get("shards") or ()]
        return sum(int(shard.get("vectorQueueLength") or 0) for shard in shards)

    def _merge(self, place: Place, identity: str, properties: Mapping[str, Any], tenant: str | None) -> None:
        name = self.named(place)
        body: dict[str, Any] = {"class": name, "id": identity, "properties": dict(properties)}
        if tenant is not None:
            body["tenant"] = tenant
        try:
            self.request("PATCH", f"/v1/objects/{name}/{identity}", body, batch.EVERYWHERE)
        except AbsentError:
            return  # removed meanwhile

    # --- reading ----------------------------------------------------------------------------------

    def count(self, place: Place, condition: Condition) -> int:
        """For how many objects a condition holds."""
        return self.counts(place, [condition])[0]

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """Several queries in a request."""
        name, asked, owners = self.named(place), list[str](), list[int]()
        for n, condition in enumerate(conditions):
            if condition is not False:
                where = query.as_where(condition)
                for tenant in self._shards(place, condition):
                    asked.append(query.count(name, tenant=tenant, where=where))
                    owners.append(n)
        found = [0] * len(conditions)
        for n, data in zip(owners, self.queries(asked), strict=True):
            (answer,) = data["Aggregate"][name]
            found[n] += int(answer["meta"]["count"])
        return found

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All objects for which a condition holds."""
        if condition is False:
            return
        fields = fields_of(place, keys)
        for tenant in self._shards(place, condition):
            for hit in self._every(place, condition, tenant, fields, "id vector" if vectors else "id"):
                yield found_of(hit, place)

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """By the index, which compares with all where few are meant; several vectors in one request."""
        if limit > MOST_HITS:
            return self._compared(condition, vectors, limit)
        name, where, fields = self.settings.name, query.as_where(condition), fields_of(CHUNKS, JUDGED)
        tenants = self._shards(CHUNKS, condition)
        asked = [
            query.get(
                name, fields, "id distance vector",
                tenant=tenant, where=where, limit=limit, nearVector={"vector": vector},
            )
            for vector in vectors.tolist()
            for tenant in tenants
        ]  # fmt: skip
        answers = iter(self.queries(asked))
        found = [
            [found_of(hit, CHUNKS) for _ in tenants for hit in next(answers)["Get"][name]] for _ in vectors
        ]
        if is_exact and any(len(hits) < limit for hits in found):
            n = self.count(CHUNKS, condition)
            if any(len(hits) < min(n, limit) for hits in found):
                return self._compared(condition, vectors, limit)
        return [_best(hits, limit) for hits in found]

    def propose(
        self, condition: Condition, queries: Sequence[Mapping[str, float]], limit: int
    ) -> list[list[Found]]:
        """By what each word may add at most; what is proposed is scored here."""
        return [best_of(weights, limit, lambda t: self._holding(condition, t)) for weights in queries]

    def n_bytes(self) -> int:
        """The server does not tell."""
        return 0

    def _holding(self, condition: Condition, tokens: Sequence[str]) -> Iterator[Found]:
        """The chunks that a condition shows and that hold one of the tokens of words."""
        fields = fields_of(CHUNKS, COUNTED)
        for tenant in self._shards(CHUNKS, condition):
            for hit in self._every(CHUNKS, condition, tenant, fields, "id", impacts=tokens):
                yield found_of(hit, CHUNKS)

    def _compared(self, condition: Condition, vectors: Vectors, limit: int) -> list[list[Found]]:
        """The nearest of all that a condition shows, compared here."""
        found = self.scroll(CHUNKS, condition, JUDGED, vectors=True)
        there = [(hit, vector) for hit in found if (vector := hit.vector) is not None]
        out = []
        for vector in vectors:
            scored = [
                Found(hit.payload, read_vector=hit.read_vector, score=float(np.dot(held, vector)))
                for hit, held in there
            ]
            out.append(_best(scored, limit))
        return out

    def _every(
        self,
        place: Place,
        condition: Condition,
        tenant: str | None,
        fields: Sequence[str],
        more: str,
        *,
        impacts: Sequence[str] | None = None,
        slot: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """All hits of a condition: one page, or several in the order of their places."""
        name, size = self.named(place), PAGE_WITH_VECTORS if "vector" in more else PAGE
        held = [] if impacts is None else [query.holding_impacts(impacts)]
        where = query.joined([*query.parts_of(condition, slot), *held])
        hits = self._page(name, fields, more, tenant=tenant, where=where, limit=size)
        if len(hits) < size:
            yield from hits
            return
        last, seen = -1, set[str]()
        order = [{"path": [COLUMNS["place"]], "order": "asc"}]
        while True:
            where = query.joined([*query.parts_of(condition, slot), *held, query.from_place(last)])
            hits = self._page(
                name, [*fields, COLUMNS["place"]], more, tenant=tenant, where=where, limit=size, sort=order
            )
            yield from (hit for hit in hits if hit["_additional"]["id"] not in seen)
            if len(hits) < size:
                return
            # Where several share the last place, they are asked for once more.
            last = int(hits[-1][COLUMNS["place"]])
            seen = {hit["_additional"]["id"] for hit in hits if int(hit[COLUMNS["place"]]) == last}
            if len(seen) == size:
                raise StoreError(f"{self.where}: {size} objects share one place. {self.restore}")

    def _page(self, name: str, fields: Sequence[str], more: str, **arguments: Any) -> list[dict[str, Any]]:
        return list(self.query(query.get(name, fields, more, **arguments))["Get"][name])

    # --- tenants ----------------------------------------------------------------------------------

    def _tenant_of_point(self, place: Place, point: Point) -> str | None:
        is_native = place == CHUNKS and self.settings.tenancy == "native"
        return token(point.payload["tenant"]) if is_native else None

    def _shards(self, place: Place, condition: Condition) -> list[str | None]:
        """The server's tenants that hold what a condition means; one that is None where it has none."""
        if place != CHUNKS or self.settings.tenancy != "native":
            return [None]
        tenant = tenant_of(condition)
        if tenant is None:
            return list(self._tenants.all())
        own = token(tenant)
        return [own] if self._tenants.has(own) else []


def _best(hits: list[Found], limit: int) -> list[Found]:
    return sorted(hits, key=lambda hit: -hit.score)[:limit]
