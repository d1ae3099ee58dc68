"""From settings to collections that hold an index for a spec: looked at, made where there are none."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote import head as heads
from ragkit.store_spec import StoreSpec
from ragkit_connectors.http_calls import AbsentError, PresentError
from ragkit_connectors.weaviate.schema import MADE_BY, chunks_class, records_class
from ragkit_connectors.weaviate.server import WeaviateServer

OLDEST_SERVER = (1, 27)
MOST_DIMENSIONS = 65_535
_WAIT_S = 10.0  # for another process that is making the same index


def opened(server: WeaviateServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
    """Looks at the server and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError: see `WeaviateStore.open`.
    """
    check_server(server)
    settings = server.settings
    chunks, records = (found_class(server, name) for name in (settings.name, settings.records))
    if not heads.is_there(server):
        _check_unfinished(server, chunks, records)
        if spec is None or not create:
            raise heads.no_index(server)
        _make(server, spec)
        chunks = found_class(server, settings.name)
    elif chunks is None or records is None:
        name = settings.name if chunks is None else settings.records
        raise CorruptIndexError(
            f"{server.where}: collection {name} is gone, and the record of commits is there. "
            f"{server.restore}, or delete the others too, whose names begin with {settings.name}__"
        )
    spec = heads.agreed_spec(server, spec)
    _check_chunks(server, chunks or {})
    return spec


def check_server(server: WeaviateServer) -> dict[str, Any]:
    """What the server says of itself.

    Raises:
        StoreError: it is no Weaviate, or too old.
    """
    try:
        said = server.request("GET", "/v1/meta")
    except AbsentError as e:
        raise server.no_server() from e
    version = str(said.get("version", "")) if isinstance(said, dict) else ""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        raise server.no_server()
    if tuple(map(int, found.groups())) < OLDEST_SERVER:
        raise StoreError(
            f"{server.where}: Weaviate {version}, and store/weaviate needs 1.27 or newer. Upgrade it"
        )
    return dict(said)


def found_class(server: WeaviateServer, name: str) -> dict[str, Any] | None:
    """A collection of ours; None where it is not there.

    Raises:
        StoreError: it was made by something else; nothing of it is read.
    """
    try:
        found = server.request("GET", f"/v1/schema/{name}")
    except AbsentError:
        return None
    if not isinstance(found, dict) or found.get("description") != MADE_BY:
        raise StoreError(
            f"{server.where}: collection {name} is there and was made by something else than ragkit. "
            "Set another name: stores.NAME.name"
        )
    return found


def _check_unfinished(server: WeaviateServer, *found: dict[str, Any] | None) -> None:
    """Passes what a process left that died while it made an index: empty collections."""
    for place, there in zip(("chunks", "records"), found, strict=True):
        if there is not None and server.count(place, True):  # type: ignore[arg-type]
            raise CorruptIndexError(
                f"{server.where}: documents or chunks are there, and the record of commits is gone. "
                f"{server.restore}, or delete the collections and ingest again"
            )


def _check_chunks(server: WeaviateServer, found: dict[str, Any]) -> None:
    """Whether the collection was made with what is set.

    Raises:
        ConfigError: it was not.
        StoreError: its vectors are compared by something else, or compressed.
    """
    settings = server.settings
    is_native = bool((found.get("multiTenancyConfig") or {}).get("enabled"))
    made = {"index": found.get("vectorIndexType"), "tenancy": "native" if is_native else "filter"}
    for name, value in made.items():
        if value != getattr(settings, name):
            raise ConfigError(
                f"{server.where}: {name}: the index was made with {value}, and "
                f"{getattr(settings, name)} is set. Set {name}: {value}; or ingest again under another name"
            )
    vectors = found.get("vectorIndexConfig") or {}
    pressed = [kind for kind in ("pq", "bq", "sq", "rq") if (vectors.get(kind) or {}).get("enabled")]
    if vectors.get("distance") != "dot" or pressed:
        said = f"compressed by {pressed[0]}" if pressed else f"compared by {vectors.get('distance')}"
        raise StoreError(
            f"{server.where}: its vectors are {said}, expected whole ones compared by dot. Set another name: "
            "stores.NAME.name; or delete the collections and ingest again"
        )
    server.all_compared = int(vectors.get("flatSearchCutoff") or 0) - 1


def _make(server: WeaviateServer, spec: StoreSpec) -> None:
    if not 1 <= spec.dimension <= MOST_DIMENSIONS:
        raise ConfigError(
            f"{server.where}: Weaviate takes vectors of 1 to {MOST_DIMENSIONS:,} numbers, and the embedder "
            f"gives {spec.dimension:,}"
        )
    settings = server.settings
    is_first = True
    for body in (chunks_class(settings), records_class(settings)):
        try:
            server.request("POST", "/v1/schema", body)
        except PresentError:
            is_first = False
    if not is_first and _appears(server):
        return
    # Of several processes one makes the first state; for the others it is there.
    server.heads.change(1, heads.first_point(spec).payload)


def _appears(server: WeaviateServer) -> bool:
    """Whether another process, which makes the same index, gets done with it."""
    deadline = time.monotonic() + _WAIT_S
    while not heads.is_there(server):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def removed(server: WeaviateServer) -> None:
    """Deletes all collections of an index."""
    settings = server.settings
    names = [f"{settings.heads}{number:010d}" for number in sorted(server.heads.numbers())]
    for name in (settings.name, settings.records, *names):
        with suppress(AbsentError):
            server.request("DELETE", f"/v1/schema/{name}")
