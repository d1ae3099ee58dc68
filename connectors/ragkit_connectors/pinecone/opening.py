"""From settings to namespaces that hold an index for a spec: looked at, made where there are none."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote import head as heads
from ragkit.store.remote.server import CHUNKS, RECORDS
from ragkit.store_spec import StoreSpec
from ragkit_connectors.http_calls import AbsentError, PresentError
from ragkit_connectors.pinecone.canaries import SEEN
from ragkit_connectors.pinecone.filters import COLUMNS, IMPACTS
from ragkit_connectors.pinecone.server import PineconeServer


def opened(server: PineconeServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
    """Looks at the server and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError: see `PineconeStore.open`.
    """
    stats = check_server(server)
    server.dimension = int(stats["dimension"])
    if not heads.is_there(server):
        if server.count(CHUNKS, True) or server.count(RECORDS, True):
            raise CorruptIndexError(
                f"{server.where}: documents or chunks are there, and the record of commits is gone. "
                f"{server.restore}, or delete the namespaces and ingest again"
            )
        if spec is None or not create:
            raise heads.no_index(server)
        _check_dimension(server, spec)
        _make(server, spec)
    spec = heads.agreed_spec(server, spec)
    _check_dimension(server, spec)
    _check_tenancy(server)
    return spec


def check_server(server: PineconeServer) -> dict[str, Any]:
    """What the index says of itself.

    Raises:
        StoreError: it is none, or cannot hold ours.
    """
    try:
        said = server.request("POST", "/describe_index_stats", {})
    except AbsentError as e:
        raise server.no_server() from e
    if not isinstance(said, dict) or not isinstance(said.get("dimension"), int):
        if isinstance(said, dict) and said.get("vectorType") == "sparse":
            raise StoreError(f"{server.where}: the index holds sparse vectors alone. Make a dense one")
        raise server.no_server()
    if (metric := said.get("metric", "dotproduct")) not in ("dotproduct", "cosine"):
        raise StoreError(
            f"{server.where}: the index compares by {metric}, expected dotproduct or cosine. Make "
            "another index"
        )
    return said


def removed(server: PineconeServer) -> None:
    """Deletes all namespaces of an index, what names it last."""
    names = server.namespaces(f"{server.settings.name}.")
    for name in sorted(names, key=lambda name: (name.startswith(server.settings.heads), name)):
        with suppress(AbsentError):
            server.request("DELETE", f"/namespaces/{name}")


def _check_dimension(server: PineconeServer, spec: StoreSpec) -> None:
    server.length = spec.dimension
    if spec.dimension > server.dimension:
        raise StoreError(
            f"{server.where}: the index takes vectors of {server.dimension} numbers, and the embedder gives "
            f"{spec.dimension}. Make an index of dimension {spec.dimension} with metric dotproduct, and "
            "set host"
        )


def _check_tenancy(server: PineconeServer) -> None:
    made, asked = (server.head() or {}).get("tenancy"), server.settings.tenancy
    if made != asked:
        raise ConfigError(
            f"{server.where}: tenancy: the index was made with {made}, and {asked} is set. Set "
            f"tenancy: {made}; or ingest again under another name"
        )


def _make(server: PineconeServer, spec: StoreSpec) -> None:
    """Namespaces in which nothing but what is asked for has an index, and the first state."""
    fields = {name: {"filterable": True} for name in (*COLUMNS.values(), IMPACTS, SEEN)}
    names = [server.settings.records, server.settings.parts]
    if server.settings.tenancy == "filter":
        names.append(server.settings.chunks)
    for name in names:
        some = {"begun": {"filterable": True}} if name == server.settings.parts else fields
        with suppress(PresentError):
            server.request("POST", "/namespaces", {"name": name, "schema": {"fields": some}})
    # Of several processes one makes the first state; for the others it is there.
    server.heads.change(1, {**heads.first_point(spec).payload, "tenancy": server.settings.tenancy})
