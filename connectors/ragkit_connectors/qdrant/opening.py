"""From settings to collections that hold an index for a spec: looked at, made where there are none."""

from __future__ import annotations

import re
import time
from typing import Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote import head as heads
from ragkit.store.remote.server import RECORDS
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant.points import DENSE, TERMS
from ragkit_connectors.qdrant.server import QdrantServer

OLDEST_SERVER = (1, 10)  # the first with `query_points`
MOST_DIMENSIONS = 65_536
_WAIT_S = 10.0  # for another process that is making the same index
_KEYWORDS = {
    "chunks": ("acl", "id", "doc", "terms", "k", "r[].n"),
    "meta": ("key", "kind", "uri", "state", "holder", "owner"),
}
_WHOLE = ("from", "to")
_COUNTERS = ("number", "intent", "expires_ms", "commit", "ends_ms")


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
            raise StoreError(f"{server.where}: no index here. Make one: ragkit ingest DOCS --config rag.yaml")
        _make(server, spec)
    elif not has_chunks:
        raise CorruptIndexError(
            f"{server.where}: the collection of the chunks is gone, and {meta} is there. Restore it from a "
            f"snapshot, or delete {meta} and ingest again"
        )
    recorded = heads.recorded_spec(heads.read(server), server)
    if spec is not None:
        spec = spec.completed(recorded)
        spec.check(recorded, server.where)
    spec = spec or recorded
    _check_vectors(server, spec)
    return spec


def _check_server(server: QdrantServer) -> None:
    if server.settings.is_local:
        return
    version = str(getattr(server.call("info"), "version", ""))
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
        if name is not None and server.call("count", collection_name=name, exact=True).count:
            raise StoreError(
                f"{server.where}: collection {name} is there and was made by something else than ragkit. Set "
                "another name: stores.NAME.collection"
            )


def _check_vectors(server: QdrantServer, spec: StoreSpec) -> None:
    found = _params(server, server.settings.collection)
    vectors = found.vectors if isinstance(found.vectors, dict) else {"": found.vectors}
    dense = vectors.get(DENSE)
    size, distance = getattr(dense, "size", None), str(getattr(dense, "distance", None))
    if (
        size != spec.dimension
        or not distance.lower().endswith("dot")
        or TERMS not in (found.sparse_vectors or {})
    ):
        described = {
            name: (getattr(v, "size", 0), str(getattr(v, "distance", ""))) for name, v in vectors.items()
        }
        raise StoreError(
            f"{server.where}: its vectors are {described}, expected {DENSE!r} of {spec.dimension} numbers "
            f"with distance Dot, and sparse vectors {TERMS!r}. Set another name: stores.NAME.collection; or "
            "delete the collection and ingest again"
        )


def _params(server: QdrantServer, name: str) -> Any:
    return server.call("get_collection", collection_name=name).config.params


def _make(server: QdrantServer, spec: StoreSpec) -> None:
    from qdrant_client import models

    if not 1 <= spec.dimension <= MOST_DIMENSIONS:
        raise ConfigError(
            f"{server.where}: Qdrant takes vectors of 1 to {MOST_DIMENSIONS:,} numbers, and the embedder "
            f"gives {spec.dimension:,}"
        )
    chunks, meta = server.settings.collection, server.settings.meta
    # Vectors have unit length, so the dot product is the cosine, and they come back as they were written.
    dense = models.VectorParams(size=spec.dimension, distance=models.Distance.DOT)
    _create(server, chunks, {DENSE: dense}, {TERMS: models.SparseVectorParams()})
    # Records have no vectors, and the engine wants a collection to name one.
    is_first = _create(server, meta, {}, {TERMS: models.SparseVectorParams()})
    if not is_first and _appears(server):
        return
    if not server.settings.is_local:
        _index(server)
    server.write(RECORDS, [heads.first_point(spec)])


def _create(server: QdrantServer, name: str, vectors: dict[str, Any], sparse: dict[str, Any]) -> bool:
    """Makes a collection; whether this call did."""
    if _exists(server, name):
        return False
    try:
        server.call(
            "create_collection",
            collection_name=name,
            vectors_config=vectors,
            sparse_vectors_config=sparse,
        )
    except StoreError:
        if not _exists(server, name):
            raise
        return False
    return True


def _appears(server: QdrantServer) -> bool:
    """Whether another process, which makes the same index, gets done with it."""
    deadline = time.monotonic() + (0.0 if server.settings.is_local else _WAIT_S)
    while not heads.is_there(server):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def _index(server: QdrantServer) -> None:
    """Lets the server find what conditions ask for; tenants' chunks lie side by side."""
    from qdrant_client import models

    keyword, integer = models.PayloadSchemaType.KEYWORD, models.PayloadSchemaType.INTEGER
    tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    wanted: list[tuple[str, str, Any]] = []
    for which, name in (("chunks", server.settings.collection), ("meta", server.settings.meta)):
        wanted += [(name, "tenant", tenant)]
        wanted += [(name, key, keyword) for key in _KEYWORDS[which]]
        wanted += [(name, key, integer) for key in _WHOLE]
    wanted += [
        (server.settings.collection, "r[].v", models.PayloadSchemaType.FLOAT),
        *((server.settings.meta, key, integer) for key in _COUNTERS),
    ]
    for name, key, kind in wanted:
        server.call(
            "create_payload_index", collection_name=name, field_name=key, field_schema=kind, wait=True
        )


def _exists(server: QdrantServer, name: str) -> bool:
    return bool(server.call("collection_exists", collection_name=name))
