"""The client of a server, behind one door: retries, typed errors, one thread at a time in local mode."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ragkit.errors import ConfigError, StoreError, TransientStoreError
from ragkit_connectors.qdrant.errors import explain, shortened, vendor_errors
from ragkit_connectors.qdrant.filters import Condition, as_filter
from ragkit_connectors.qdrant.settings import QdrantSettings

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

PAGE = 256
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
            # `Server` lets one thread in at a time.
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


class Server:
    """Calls of a client. Each may be made again: all that is written has an id or a condition of its own."""

    def __init__(self, settings: QdrantSettings, client: Any) -> None:
        self.settings = settings
        self.where = where_of(settings)
        self._client = client
        self._errors = vendor_errors()
        self._guard: Any = threading.RLock() if settings.is_local else nullcontext()

    def call(self, name: str, **arguments: Any) -> Any:
        """What a method of the client gives, asked again where it fails for now.

        Raises:
            StoreError: it fails; `TransientStoreError` where the same call may go through later.
        """
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

    def upsert(self, collection: str, points: Sequence[models.PointStruct]) -> None:
        """Writes points under their ids."""
        self.call("upsert", collection_name=collection, points=list(points), wait=True)

    def set(self, collection: str, payload: dict[str, Any], condition: Condition) -> None:
        """Sets keys of all points for which a condition holds, in one step of the server."""
        from qdrant_client import models

        if condition is not False:
            self.call(
                "set_payload",
                collection_name=collection,
                payload=payload,
                points=_whole(condition),
                wait=True,
                ordering=models.WriteOrdering.STRONG,
            )

    def delete(self, collection: str, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        from qdrant_client import models

        if condition is not False:
            selector = models.FilterSelector(filter=_whole(condition))
            self.call("delete", collection_name=collection, points_selector=selector, wait=True)

    def count(self, collection: str, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        if condition is False:
            return 0
        found = self.call("count", collection_name=collection, count_filter=as_filter(condition), exact=True)
        return int(found.count)

    def scroll(
        self, collection: str, condition: Condition, keys: Sequence[str], vectors: Sequence[str] = ()
    ) -> Iterator[Any]:
        """All points for which a condition holds, a page at a time, in no order."""
        offset = None
        while condition is not False:
            points, offset = self.call(
                "scroll",
                collection_name=collection,
                scroll_filter=as_filter(condition),
                limit=PAGE,
                offset=offset,
                with_payload=list(keys),
                with_vectors=list(vectors) or False,
            )
            yield from points
            if offset is None:
                return

    def close(self) -> None:
        """Closes the client."""
        with self._guard:
            self._client.close()


def _whole(condition: Condition) -> models.Filter:
    chosen = as_filter(condition)
    assert chosen is not None, "everything is never meant where something is written"
    return chosen
