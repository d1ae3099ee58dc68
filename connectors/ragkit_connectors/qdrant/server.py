"""The client of a Qdrant server, behind one door: retries, typed errors, one thread where it is local."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from ragkit.errors import ConfigError, StoreError, TransientStoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Condition, all_of, equals
from ragkit.store.remote.head import HEAD
from ragkit.store.remote.points import COUNTED, JUDGED
from ragkit.store.remote.server import CHUNKS, Found, Place, Point
from ragkit_connectors.qdrant.errors import explain, shortened, vendor_errors
from ragkit_connectors.qdrant.filters import as_filter
from ragkit_connectors.qdrant.points import DENSE, TERMS, point_struct, summed
from ragkit_connectors.qdrant.settings import QdrantSettings

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

PAGE = 256
_AT_ONCE = 32  # queries of one request
_ALONE = {"filter": "query_filter", "params": "search_params", "with_vector": "with_vectors"}
_FIRST_WAIT_S = 0.1


def connect(settings: QdrantSettings) -> QdrantClient:
    """The client that settings name.

    Raises:
        ConfigError: url is none.
        StoreError: another process has the folder open.
    """
    from qdrant_client import QdrantClient

    if settings.is_local:
        if settings.location is not None:
            return QdrantClient(location=settings.location)
        path = str(Path(str(settings.path)))
        try:
            # `QdrantServer` lets one thread in at a time.
            return QdrantClient(path=path, force_disable_check_same_thread=True)
        except (RuntimeError, OSError) as e:
            raise StoreError(
                f"{where_of(settings)}: cannot be opened ({shortened(e)}). A folder has one process; for "
                "more, start a server and set url"
            ) from e
    parts = urlsplit(settings.url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("store/qdrant: url: expected http://HOST:6333 or https://HOST:6333")
    try:
        return QdrantClient(
            url=settings.url,
            api_key=None if settings.api_key is None else settings.api_key.reveal(),
            prefer_grpc=settings.prefer_grpc,
            timeout=settings.timeout_s,
            check_compatibility=False,
        )
    except ValueError as e:
        raise ConfigError(f"store/qdrant: url: {shortened(e)}. Expected http://HOST:6333") from e


def where_of(settings: QdrantSettings) -> str:
    """Which index is meant, for people; no secret in it."""
    if settings.is_local:
        place = str(settings.path or settings.location)
    else:
        parts = urlsplit(settings.url or "")
        place = (parts.hostname or "?") + (f":{parts.port}" if parts.port else "")
    return f"qdrant {place}, collection {settings.collection}"


class QdrantServer:
    """Calls of a client. Each may be made again: all that is written has an id or a condition of its own."""

    restore = "Restore both collections from a snapshot"
    sparse_loss = 0.0

    def __init__(
        self, settings: QdrantSettings, client: Any, make_client: Callable[[], Any] | None = None
    ) -> None:
        self.settings = settings
        # After a fork: two processes must not share connections. A folder of local mode has one process.
        self._make_client = None if settings.is_local else make_client
        self._process = os.getpid()
        self.where = where_of(settings)
        self.lease_s = settings.lease_s
        self._client = client
        self._errors = vendor_errors()
        self._guard: Any = threading.RLock() if settings.is_local else nullcontext()

    def call(self, name: str, **arguments: Any) -> Any:
        """What a method of the client gives, asked again where it fails for now.

        Raises:
            StoreError: it fails; `TransientStoreError` where the same call may go through later.
        """
        if self._make_client is not None and self._process != os.getpid():
            self._client, self._process = self._make_client(), os.getpid()
        wait_s = _FIRST_WAIT_S
        for attempt in range(1, self.settings.attempts + 1):
            try:
                with self._guard:
                    return getattr(self._client, name)(**arguments)
            except self._errors as e:
                error = explain(e, self.where)
                if not isinstance(error, TransientStoreError) or attempt == self.settings.attempts:
                    raise error from e
            time.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  (so that clients do not march in step)
            wait_s *= 2
        raise AssertionError("unreachable")

    def named(self, place: Place) -> str:
        """The collection of a place."""
        return self.settings.collection if place == CHUNKS else self.settings.meta

    # --- what `RemoteServer` says -----------------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """The record of commits."""
        found = self.call("retrieve", collection_name=self.settings.meta, ids=[HEAD], with_payload=True)
        return found[0].payload if found else None

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """`set_payload` under a condition: the server applies that in one step."""
        from qdrant_client import models

        wanted = as_filter(all_of(equals(key, value) for key, value in expected.items()))
        parts = [] if wanted is None else [wanted]
        whole = models.Filter(must=[models.HasIdCondition(has_id=[HEAD]), *parts])
        self._set(self.settings.meta, values, whole)

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Writes points under their ids."""
        made = [point_struct(point) for point in points]
        self.call("upsert", collection_name=self.named(place), points=made, wait=True)

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Sets keys of all points for which a condition holds, in one step of the server."""
        if condition is not False:
            self._set(self.named(place), values, _whole(condition))

    def _set(self, collection: str, values: Mapping[str, Any], wanted: models.Filter) -> None:
        from qdrant_client import models

        self.call(
            "set_payload",
            collection_name=collection,
            payload=dict(values),
            points=wanted,
            wait=True,
            ordering=models.WriteOrdering.STRONG,
        )

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        from qdrant_client import models

        if condition is not False:
            selector = models.FilterSelector(filter=_whole(condition))
            self.call("delete", collection_name=self.named(place), points_selector=selector, wait=True)

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes the points with these ids."""
        from qdrant_client import models

        if ids:
            selector = models.PointIdsList(points=list(ids))
            self.call("delete", collection_name=self.named(place), points_selector=selector, wait=True)

    def settle(self) -> None:
        """Nothing to do: with `wait` what is written is found at once."""

    def count(self, place: Place, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        if condition is False:
            return 0
        found = self.call(
            "count", collection_name=self.named(place), count_filter=as_filter(condition), exact=True
        )
        return int(found.count)

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """One request for each condition."""
        return [self.count(place, condition) for condition in conditions]

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All points for which a condition holds, a page at a time, in no order."""
        offset = None
        while condition is not False:
            points, offset = self.call(
                "scroll",
                collection_name=self.named(place),
                scroll_filter=as_filter(condition),
                limit=PAGE,
                offset=offset,
                with_payload=list(keys),
                with_vectors=[DENSE] if vectors else False,
            )
            for point in points:
                yield Found(point.payload, read_vector=partial(_vector_of, point) if vectors else None)
            if offset is None:
                return

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """By the HNSW index, or by comparing with all; several vectors in one request."""
        from qdrant_client import models

        params = None
        if not self.settings.is_local:  # which compares with all anyway, and warns of the parameter
            ef = None if is_exact else max(self.settings.ef_search, limit)
            params = models.SearchParams(exact=is_exact, hnsw_ef=ef)
        asked = [
            {
                "query": vector,
                "using": DENSE,
                "filter": as_filter(condition),
                "params": params,
                "limit": limit,
                "with_payload": list(JUDGED),
                "with_vector": [DENSE],
            }
            for vector in vectors.tolist()
        ]
        return [
            [Found(hit.payload, read_vector=partial(_vector_of, hit), score=hit.score) for hit in hits]
            for hits in self._asked(asked)
        ]

    def propose(
        self, condition: Condition, queries: Sequence[Mapping[str, float]], limit: int
    ) -> list[list[Found]]:
        """By sparse vectors, several queries in one request."""
        asked = [
            {
                "query": summed(weights),
                "using": TERMS,
                "filter": as_filter(condition),
                "limit": limit,
                "with_payload": list(COUNTED),
            }
            for weights in queries
        ]
        return [[Found(hit.payload, score=hit.score) for hit in hits] for hits in self._asked(asked)]

    def _asked(self, queries: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """The points that each query gives, in as few requests as may be."""
        from qdrant_client import models

        if len(queries) == 1:  # which costs the server less alone than as a batch of one
            given = {_ALONE.get(key, key): value for key, value in queries[0].items()}
            answer = self.call("query_points", collection_name=self.settings.collection, **given)
            return [answer.points]
        found: list[list[Any]] = []
        for first in range(0, len(queries), _AT_ONCE):
            requests = [models.QueryRequest(**query) for query in queries[first : first + _AT_ONCE]]
            answers = self.call(
                "query_batch_points", collection_name=self.settings.collection, requests=requests
            )
            found += [answer.points for answer in answers]
        return found

    def n_bytes(self) -> int:
        """Of the folder of local mode; a server does not tell."""
        if self.settings.path is None:
            return 0
        return sum(f.stat().st_size for f in Path(str(self.settings.path)).rglob("*") if f.is_file())

    def close(self) -> None:
        """Closes the client."""
        with self._guard:
            self._client.close()


def _vector_of(point: Any) -> Vectors:
    """The stored vector of a point, as it was written."""
    return np.asarray(point.vector[DENSE], dtype=np.float32)


def _whole(condition: Condition) -> models.Filter:
    chosen = as_filter(condition)
    assert chosen is not None, "everything is never meant where something is written"
    return chosen
