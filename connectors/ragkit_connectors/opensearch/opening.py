"""From settings to indexes that hold an index for a spec: looked at, made where there are none."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote import head as heads
from ragkit.store.remote.server import RECORDS, ReadOnlyError
from ragkit.store_spec import StoreSpec
from ragkit_connectors.opensearch.bulk import Item, send
from ragkit_connectors.opensearch.errors import ConflictError, missing_plugin
from ragkit_connectors.opensearch.mapping import (
    CANARY,
    DENSE,
    MADE_BY,
    canary,
    chunks_body,
    records_body,
)
from ragkit_connectors.opensearch.server import OpenSearchServer

OLDEST_SERVER = (2, 16)  # the first whose graphs take ef_search with the question
MOST_DIMENSIONS = 16_000
_DERIVES = (3, 0)  # from here on vectors are left out of documents unless the index says otherwise
_PLUGIN = "opensearch-knn"
_WAIT_S = 10.0  # for another process that is making the same index


def opened(server: OpenSearchServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
    """Looks at the cluster and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError: see `OpenSearchStore.open`.
    """
    info, settings = check_server(server), server.settings
    has_chunks, has_records = server.exists(settings.name), server.exists(settings.records)
    known: dict[str, set[str]] = {}
    for name, is_there in ((settings.name, has_chunks), (settings.records, has_records)):
        if is_there:
            known[name] = _fields_of_ours(server, name)
    if not (has_records and heads.is_there(server)):
        if has_records and settings.tenancy == "dls":
            raise StoreError(
                f"{server.where}: no index here, or the role's dls query hides the record of commits. For "
                f"{settings.records} the query must let through kind: head as well"
            )
        _check_unfinished(server, settings.name, has_chunks)
        if spec is None or not create or settings.tenancy == "dls":
            raise heads.no_index(server)
        _make(server, spec, derives_vectors=_version(info) >= _DERIVES)
    elif not has_chunks:
        raise CorruptIndexError(
            f"{server.where}: the index of the chunks is gone, and {settings.records} is there. Restore it "
            f"from a snapshot, or delete {settings.records} and ingest again"
        )
    spec = heads.agreed_spec(server, spec)
    _check_vectors(server, spec)
    _add_fields(server, spec, known)
    _choose_copies(server)
    return spec


def check_server(server: OpenSearchServer) -> dict[str, Any]:
    """What the server says of itself.

    Raises:
        StoreError: it is no OpenSearch, or too old.
    """
    info = server.request("GET", "/")
    said = info.get("version") if isinstance(info, dict) else None
    number = str(said.get("number", "")) if isinstance(said, dict) else ""
    if re.match(r"\d+\.\d+", number) is None or not isinstance(said, dict):
        raise StoreError(f"{server.where}: what answers there is no OpenSearch server. Check hosts")
    if said.get("distribution") != "opensearch":
        raise StoreError(
            f"{server.where}: what answers there is Elasticsearch {number}, whose vectors are others. Use "
            "OpenSearch 2.16 or newer"
        )
    if _version(said) < OLDEST_SERVER:
        raise StoreError(
            f"{server.where}: OpenSearch {number}, and store/opensearch needs 2.16 or newer. Upgrade it"
        )
    return dict(said)


def _version(said: dict[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, str(said["number"]).split(".")[:2]))


def _fields_of_ours(server: OpenSearchServer, name: str) -> set[str]:
    """The fields of an index; one that something else made is refused, before anything of it is read."""
    found = server.request("GET", f"/{name}/_mapping")
    if len(found) != 1:
        raise StoreError(
            f"{server.where}: {name} is an alias of {len(found)} indexes. Name one index: stores.NAME.name"
        )
    (index,) = found.values()
    if (index["mappings"].get("_meta") or {}).get("made_by") != MADE_BY:
        raise StoreError(
            f"{server.where}: index {name} is there and was made by something else than ragkit. Set another "
            "name: stores.NAME.name"
        )
    return set(index["mappings"].get("properties") or ())


def _check_unfinished(server: OpenSearchServer, name: str, is_there: bool) -> None:
    """Passes what a process left that died while it made an index: nothing but the canary."""
    if is_there:
        others = {"query": {"bool": {"must_not": [{"term": {"kind": {"value": "canary"}}}]}}}
        if server.request("POST", f"/{name}/_count", others)["count"]:
            raise CorruptIndexError(
                f"{server.where}: the chunks are there, and the record of commits is gone. {server.restore}, "
                "or delete both indexes and ingest again"
            )


def _check_vectors(server: OpenSearchServer, spec: StoreSpec) -> None:
    name, engine = server.settings.name, server.settings.engine
    (index,) = server.request("GET", f"/{name}/_mapping").values()
    field = (index["mappings"].get("properties") or {}).get(DENSE) or {}
    method = field.get("method") or {}
    wanted = chunks_body(server.settings, spec.dimension)["mappings"]["properties"][DENSE]
    space = wanted.get("method", {}).get("space_type")
    if field.get("type") == "knn_vector" and field.get("dimension") == spec.dimension:
        found = method.get("engine", "exact") if method else "exact"
        if found != engine:
            raise ConfigError(
                f"{server.where}: engine: the index was made with {found}, and {engine} is set. Set engine: "
                f"{found}; or ingest again under another name"
            )
        # Where all are compared, each question says by what.
        if engine == "exact" or method.get("space_type", field.get("space_type")) in (space, None):
            return
    raise StoreError(
        f"{server.where}: its field {DENSE!r} is {_described(field)}, expected vectors of {spec.dimension} "
        f"numbers compared by {space or 'any space'}. Set another name: stores.NAME.name; or delete the "
        "index and ingest again"
    )


def _add_fields(server: OpenSearchServer, spec: StoreSpec, known: dict[str, set[str]]) -> None:
    """Declares what an index lacks that an older ragkit made; what it holds stays as it is."""
    settings = server.settings
    bodies = {
        settings.name: chunks_body(settings, spec.dimension),
        settings.records: records_body(settings),
    }
    for name, fields in known.items():
        wanted = bodies[name]["mappings"]["properties"]
        missing = {field: wanted[field] for field in wanted if field not in fields}
        if missing:
            # A role that may only read needs none of them; to write one that is missing is refused.
            with suppress(ReadOnlyError):
                server.request("PUT", f"/{name}/_mapping", {"properties": missing})


def _described(field: dict[str, Any]) -> str:
    if field.get("type") != "knn_vector":
        return f"of type {field.get('type') or 'none'}"
    space = (field.get("method") or {}).get("space_type") or field.get("space_type") or "any space"
    return f"vectors of {field.get('dimension')} numbers compared by {space}"


def _choose_copies(server: OpenSearchServer) -> None:
    """Where copies follow the first one by segments they may lag after a refresh: then the first is asked."""
    found = server.request("GET", f"/{server.settings.name}/_settings", flat_settings=True)
    (index,) = found.values()
    if index["settings"].get("index.replication.type") == "SEGMENT":
        server.preference = "_primary"


def _make(server: OpenSearchServer, spec: StoreSpec, *, derives_vectors: bool) -> None:
    if not 1 <= spec.dimension <= MOST_DIMENSIONS:
        raise ConfigError(
            f"{server.where}: OpenSearch takes vectors of 1 to {MOST_DIMENSIONS:,} numbers, and the embedder "
            f"gives {spec.dimension:,}"
        )
    _check_plugin(server)
    settings = server.settings
    body = chunks_body(settings, spec.dimension, derives_vectors=derives_vectors)
    _create(server, settings.name, body)
    is_first = _create(server, settings.records, records_body(settings))
    if not is_first and _appears(server):
        return
    targets = [{"_index": name, "_id": CANARY} for name in (settings.name, settings.records)]
    send(server, [Item("create", target, canary()) for target in targets])
    # Only one of several processes creates it; for the others it is there.
    server.write(RECORDS, [heads.first_point(spec)])
    server.settle()


def _check_plugin(server: OpenSearchServer) -> None:
    try:
        found = server.request("GET", "/_cat/plugins", format="json", h="component")
    except StoreError:
        return  # a role that may not ask learns it when the index is made
    names = sorted({str(row.get("component")) for row in found})
    if _PLUGIN not in names:
        raise missing_plugin(server.where, f"it has {', '.join(names) or 'none'}")


def _create(server: OpenSearchServer, name: str, body: dict[str, Any]) -> bool:
    """Makes an index; whether this call did."""
    if server.exists(name):
        return False
    try:
        server.request("PUT", f"/{name}", body, wait_for_active_shards=1)
    except ConflictError:
        return False
    except StoreError:
        if not server.exists(name):
            raise
        return False
    return True


def _appears(server: OpenSearchServer) -> bool:
    """Whether another process, which makes the same index, gets done with it."""
    deadline = time.monotonic() + _WAIT_S
    while not heads.is_there(server):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True
