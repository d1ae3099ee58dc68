"""From settings to collections that hold an index for a spec: looked at, made where there are none."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote import head as heads
from ragkit.store.remote.server import CHUNKS, RECORDS, Place, ReadOnlyError
from ragkit.store_spec import StoreSpec
from ragkit_connectors.milvus.expressions import EVERYTHING
from ragkit_connectors.milvus.rows import DENSE, TERMS
from ragkit_connectors.milvus.schema import indexes_of, schema_of, token_schema
from ragkit_connectors.milvus.server import MilvusServer

OLDEST_SERVER = (2, 4)  # the first with sparse vectors and with lists in conditions
FEWEST_DIMENSIONS, MOST_DIMENSIONS = 2, 32_768
_LITE = "lite"


def opened(server: MilvusServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
    """Looks at the server and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError: see `MilvusStore.open`.
    """
    is_lite = _LITE in version_of(server)
    chunks, records = server.named(CHUNKS), server.named(RECORDS)
    there = set(server.call("list_collections"))
    is_made = bool(server.turn.names()) and records in there
    if is_made:
        _load(server, RECORDS)
        is_made = heads.is_there(server)
    if not is_made:
        _check_unfinished(server, [name for name in (chunks, records) if name in there])
        if spec is None or not create:
            raise heads.no_index(server)
        _make(server, spec, is_lite=is_lite)
    elif chunks not in there:
        raise CorruptIndexError(
            f"{server.where}: the collection of the chunks is gone, and {records} is there. Restore it from "
            f"a backup, or delete {records} and ingest again"
        )
    spec = heads.agreed_spec(server, spec)
    _check_vectors(server, spec)
    _check_index(server)
    _load(server, CHUNKS)
    return spec


def version_of(server: MilvusServer) -> str:
    """What the server says it is.

    Raises:
        StoreError: it is no Milvus, or too old.
    """
    version = str(server.call("get_server_version"))
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None:
        raise StoreError(f"{server.where}: what answers there is no Milvus server. Check uri")
    if _LITE not in version and tuple(map(int, found.groups())) < OLDEST_SERVER:
        raise StoreError(f"{server.where}: Milvus {version}, and store/milvus needs 2.4 or newer. Upgrade it")
    return version


def _check_unfinished(server: MilvusServer, names: list[str]) -> None:
    """Passes what a process left that died while it made an index: empty collections of ours.

    Raises:
        StoreError: they are somebody else's, or hold an index whose record of commits is gone.
    """
    for name in names:
        columns = {column["name"] for column in server.call("describe_collection", name)["fields"]}
        place: Place = CHUNKS if name == server.named(CHUNKS) else RECORDS
        ours = {field.name for field in schema_of(place, FEWEST_DIMENSIONS).fields}
        if columns == ours and _is_filled(server, name):
            raise CorruptIndexError(
                f"{server.where}: {name} holds an index, and the record of commits is gone. Restore the "
                "collections from one backup, or delete them and ingest again"
            )
        if columns != ours:
            raise StoreError(
                f"{server.where}: collection {name} is there and was made by something else than ragkit. Set "
                "another name: stores.NAME.collection"
            )


def _is_filled(server: MilvusServer, name: str) -> bool:
    """Whether a collection holds more than what ragkit writes before an index is there."""
    try:
        server.call("load_collection", name)
        rows = server.call("query", name, filter=EVERYTHING, output_fields=["from_commit"], limit=100)
    except StoreError:
        return False  # without an index it holds nothing that was ever read
    return any(row["from_commit"] != heads.OPEN for row in rows)


def _check_vectors(server: MilvusServer, spec: StoreSpec) -> None:
    fields = server.call("describe_collection", server.named(CHUNKS))["fields"]
    sizes = {field["name"]: field.get("params", {}).get("dim") for field in fields}
    if int(sizes.get(DENSE) or 0) != spec.dimension or TERMS not in sizes:
        raise StoreError(
            f"{server.where}: its vectors have {sizes.get(DENSE)} numbers, expected {DENSE!r} of "
            f"{spec.dimension} numbers, and sparse vectors {TERMS!r}. Set another name: "
            "stores.NAME.collection; or delete the collection and ingest again"
        )


def _check_index(server: MilvusServer) -> None:
    """A graph must not pass for a comparison with all."""
    made = (
        "hnsw"
        if server.call("describe_index", server.named(CHUNKS), DENSE)["index_type"] == "HNSW"
        else "flat"
    )
    if made != server.settings.index:
        raise ConfigError(
            f"{server.where}: made with {made}, and {server.settings.index} is set. Set index: {made}, or "
            "ingest under another name"
        )


def _make(server: MilvusServer, spec: StoreSpec, *, is_lite: bool) -> None:
    if not FEWEST_DIMENSIONS <= spec.dimension <= MOST_DIMENSIONS:
        raise ConfigError(
            f"{server.where}: Milvus takes vectors of {FEWEST_DIMENSIONS} to {MOST_DIMENSIONS:,} numbers, "
            f"and the embedder gives {spec.dimension:,}"
        )
    for place in (CHUNKS, RECORDS):
        name = server.named(place)
        schema = schema_of(place, spec.dimension)
        given: dict[str, Any] = {"num_partitions": server.settings.partitions} if place == CHUNKS else {}
        _create(server, name, schema, given)
        indexes = indexes_of(place, server.settings, is_lite=is_lite)
        with contextlib.suppress(StoreError):  # which load says, where they are not there
            server.call("create_index", name, indexes, sync=False)
        _load(server, place)
    server.begin(heads.first_point(spec), lambda name: _create(server, name, token_schema(), {}))


def _create(server: MilvusServer, name: str, schema: Any, given: dict[str, Any]) -> None:
    """Makes a collection, unless somebody else has."""
    if name in server.call("list_collections"):
        return
    try:
        server.call("create_collection", name, schema=schema, consistency_level="Strong", **given)
    except StoreError:
        if name not in server.call("list_collections"):
            raise


def _load(server: MilvusServer, place: Place) -> None:
    # Who may only read finds it loaded, or is told when it asks.
    with contextlib.suppress(ReadOnlyError):
        server.call("load_collection", server.named(place))
