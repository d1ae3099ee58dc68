"""From settings to collections that hold an index for a spec: looked at, made where there are none."""

from __future__ import annotations

import re
import time

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote import head as heads
from ragkit.store.remote.server import RECORDS
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant.indexes import indexed_keys
from ragkit_connectors.qdrant.port import DENSE, TERMS, Vectoring
from ragkit_connectors.qdrant.server import QdrantServer

OLDEST_SERVER = (1, 10)  # the first with `query_points`
MOST_DIMENSIONS = 65_536
_WAIT_S = 10.0  # for another process that is making the same index


def opened(server: QdrantServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
    """Looks at the server and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError: see `QdrantStore.open`.
    """
    _check_server(server)
    chunks, meta = server.settings.collection, server.settings.meta
    has_chunks, has_meta = _exists(server, chunks), _exists(server, meta)
    if not (has_meta and heads.is_there(server)):
        if has_chunks or has_meta:
            _check_unfinished(server, chunks if has_chunks else None, meta if has_meta else None)
        if spec is None or not create:
            raise heads.no_index(server)
        _make(server, spec)
    elif not has_chunks:
        raise CorruptIndexError(
            f"{server.where}: the collection of the chunks is gone, and {meta} is there. Restore it from a "
            f"snapshot, or delete {meta} and ingest again"
        )
    spec = heads.agreed_spec(server, spec)
    found = _check_vectors(server, spec)
    # Local mode sums as numpy does, whose steps are not known; it lies in memory, so vectors are near.
    if found.is_float32 and not server.settings.is_local:
        server.trust_scores(spec.dimension)
    return spec


def _check_server(server: QdrantServer) -> None:
    if server.settings.url is None:
        return
    version = server.call("version")
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found is None:
        raise StoreError(f"{server.where}: what answers there is no Qdrant server. Check url")
    if tuple(map(int, found.groups())) < OLDEST_SERVER:
        raise StoreError(
            f"{server.where}: Qdrant {version}, and store/qdrant needs 1.10 or newer. Upgrade it"
        )


def _check_unfinished(server: QdrantServer, *collections: str | None) -> None:
    """Passes what a process left that died while it made an index: empty collections.

    Raises:
        StoreError: they hold something.
    """
    for name in collections:
        if name is not None and server.call("count", name, True):
            raise StoreError(
                f"{server.where}: collection {name} is there and was made by something else than ragkit. Set "
                "another name: stores.NAME.collection"
            )


def _check_vectors(server: QdrantServer, spec: StoreSpec) -> Vectoring:
    found: Vectoring = server.call("vectoring", server.settings.collection)
    if found.size != spec.dimension or not found.is_dot or not found.has_terms:
        raise StoreError(
            f"{server.where}: its vectors are {dict(found.described)}, expected {DENSE!r} of "
            f"{spec.dimension} numbers with distance Dot, and sparse vectors {TERMS!r}. Set another name: "
            "stores.NAME.collection; or delete the collection and ingest again"
        )
    return found


def _make(server: QdrantServer, spec: StoreSpec) -> None:
    if not 1 <= spec.dimension <= MOST_DIMENSIONS:
        raise ConfigError(
            f"{server.where}: Qdrant takes vectors of 1 to {MOST_DIMENSIONS:,} numbers, and the embedder "
            f"gives {spec.dimension:,}"
        )
    _create(server, server.settings.collection, spec.dimension)
    is_first = _create(server, server.settings.meta, None)
    if not is_first and _appears(server):
        return
    # The engine within the process makes its indexes where they are worth it.
    for name, key, kind in () if server.settings.is_edge else indexed_keys(server.settings):
        server.call("index", name, key, kind)
    server.write(RECORDS, [heads.first_point(spec)])
    server.call("settle", server.settings.meta)


def _create(server: QdrantServer, name: str, dimension: int | None) -> bool:
    """Makes a collection; whether this call did."""
    if _exists(server, name):
        return False
    try:
        server.call("create", name, dimension)
    except StoreError:
        if not _exists(server, name):
            raise
        return False
    return True


def _appears(server: QdrantServer) -> bool:
    """Whether another process, which makes the same index, gets done with it."""
    deadline = time.monotonic() + (_WAIT_S if server.settings.url is not None else 0.0)
    while not heads.is_there(server):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def _exists(server: QdrantServer, name: str) -> bool:
    return bool(server.call("exists", name))
