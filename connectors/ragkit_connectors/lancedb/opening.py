"""From settings to a folder that holds an index for a spec: looked at, made where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote import head as heads
from ragkit.store.remote.server import RECORDS
from ragkit.store_spec import StoreSpec
from ragkit_connectors.lancedb import records
from ragkit_connectors.lancedb.errors import ChangedError, explain
from ragkit_connectors.lancedb.rows import VECTOR, schema_of
from ragkit_connectors.lancedb.server import LanceServer
from ragkit_connectors.lancedb.table import LOCK, SUFFIX, name_of

MOST_DIMENSIONS = 65_536
_REMEDY = "Restore the folder from a copy, or ingest again into a new one"


def opened(server: LanceServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
    """Looks at the folder and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError: see `LanceStore.open`.
    """
    file = server.folder / records.FILE
    _check_folder(server)
    if not (file.exists() and _is_ours(file) and heads.is_there(server)):
        if spec is None or not create:
            raise heads.no_index(server)
        _make(server, spec)
    spec = heads.agreed_spec(server, spec)
    server.dimension = spec.dimension
    _check_table(server)
    return spec


def _check_folder(server: LanceServer) -> None:
    folder = server.folder
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{server.where}: a file is there, expected a folder. Set another path")
    if not folder.exists() or (folder / records.FILE).exists():
        return
    try:
        names = {path.name for path in folder.iterdir()} - {LOCK}
    except OSError as e:
        raise explain(e, server.where) from e
    if any(name.startswith("chunks-") and name.endswith(SUFFIX) for name in names):
        raise CorruptIndexError(
            f"{server.where}: {records.FILE} is gone, and the chunks are there. {_REMEDY}"
        )
    if names:
        raise StoreError(
            f"{server.where}: the folder holds something else ({sorted(names)[0]}). Set another path"
        )


def _is_ours(file: Path) -> bool:
    found = records.identity_of(file)
    if found is None:
        return False
    owner, version = found
    if owner != records.APPLICATION_ID:
        raise StoreError(f"{file}: made by something else than ragkit. Set another path")
    if version != records.FORMAT:
        raise ConfigError(
            f"{file}: format {version}, and this version of ragkit reads {records.FORMAT}. Use the version "
            "that made it, or ingest again into a new folder"
        )
    return True


def _make(server: LanceServer, spec: StoreSpec) -> None:
    if not 1 <= spec.dimension <= MOST_DIMENSIONS:
        raise ConfigError(
            f"{server.where}: vectors of 1 to {MOST_DIMENSIONS:,} numbers are taken, and the embedder gives "
            f"{spec.dimension:,}"
        )
    try:
        server.folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise explain(e, server.where) from e
    server.dimension = spec.dimension
    # Of two processes that make the same index the second finds it made.
    with server.table.locked():
        file = server.folder / records.FILE
        if not (file.exists() and _is_ours(file)):
            records.make(file)
        if not heads.is_there(server):
            server.make()
            server.write(RECORDS, [heads.first_point(spec)])


def _check_table(server: LanceServer) -> None:
    try:
        found: Any = server.table.read(lambda table: table.schema())
    except ChangedError as e:
        name = name_of(server.records.mark(records.GENERATION)) + SUFFIX
        raise CorruptIndexError(
            f"{server.where}: {name} is gone, and the record of commits is there. {_REMEDY}"
        ) from e
    wanted = schema_of(server.dimension)
    if found.names != wanted.names or found.types != wanted.types:
        there = found.field(VECTOR).type if VECTOR in found.names else "no vectors"
        raise StoreError(
            f"{server.where}: its table has other columns than an index has ({there}, expected "
            f"{wanted.field(VECTOR).type}). {_REMEDY}"
        )
