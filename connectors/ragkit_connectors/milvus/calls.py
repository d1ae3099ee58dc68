"""The client of Milvus behind one door: retries, typed errors, one thread where it is Lite."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

from ragkit.errors import StoreError, TransientStoreError
from ragkit_connectors.milvus.errors import NotLoadedError, explain, vendor_errors
from ragkit_connectors.milvus.lite import Engine, released, started
from ragkit_connectors.milvus.settings import MilvusSettings
from ragkit_connectors.milvus.vendor import pymilvus

_FIRST_WAIT_S = 0.3
_LONGEST_WAIT_S = 5.0


def where_of(settings: MilvusSettings) -> str:
    """Which index is meant, for people; no secret in it."""
    if settings.is_lite:
        place = str(settings.path)
    else:
        parts = urlsplit(settings.uri or "")
        place = (parts.hostname or "?") + (f":{parts.port}" if parts.port else "")
        place += f", database {settings.database}" if settings.database else ""
    return f"milvus {place}, collection {settings.collection}"


def connect(settings: MilvusSettings, uri: str) -> Any:
    """The client, with a connection of its own."""
    return pymilvus().MilvusClient(
        uri=uri,
        token="" if settings.token is None else settings.token.reveal(),
        db_name=settings.database,
        timeout=settings.timeout_s,
        dedicated=True,
    )


class Calls:
    """Calls of a client.

    Args:
        make_client: gives one for a URI; after a fork another one, for processes must not share connections.

    Raises:
        StoreError: the server cannot be reached, or another process has the folder of Milvus Lite.
    """

    def __init__(self, settings: MilvusSettings, make_client: Callable[[str], Any]) -> None:
        self.settings = settings
        self.where = where_of(settings)
        self._make_client = make_client
        self._errors = vendor_errors()
        self._process = os.getpid()
        self._engine: Engine | None = None
        self._client: Any = None
        if settings.path is not None:
            self._engine = started(settings.path, self.where)
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def call(self, name: str, *given: Any, **arguments: Any) -> Any:
        """What a method of the client gives.

        Raises:
            StoreError: it fails; `TransientStoreError` where the same call may go through later.
        """
        self._check_open()

        def ask() -> Any:
            return getattr(self._client, name)(*given, timeout=self.settings.timeout_s, **arguments)

        wait_s = _FIRST_WAIT_S
        for attempt in range(1, self.settings.attempts + 1):
            try:
                return self._loaded(ask, *given[:1])
            except TransientStoreError:
                if attempt == self.settings.attempts:
                    raise
            time.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  (so that clients do not march in step)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        raise AssertionError("unreachable")

    def _loaded(self, ask: Callable[[], Any], *named: Any) -> Any:
        try:
            return self._said(ask)
        except NotLoadedError:
            self._said(lambda: self._client.load_collection(*named, timeout=self.settings.timeout_s))
            return self._said(ask)

    def next_of(self, pages: Any) -> Any:
        """The next page of a query in pages; see `call`."""
        return self._said(pages.next)

    def _said(self, ask: Callable[[], Any]) -> Any:
        try:
            with self._engine.guard if self._engine is not None else nullcontext():
                return ask()
        except self._errors as e:
            raise explain(e, self.where) from e

    def _check_open(self) -> None:
        if self._process != os.getpid():
            if self._engine is not None:
                raise StoreError(
                    f"{self.where}: opened by another process, and a folder of Milvus Lite has one. Open the "
                    "store after the fork; for several processes, start a server and set uri"
                )
            self._process = os.getpid()
            self._connect()
        if self._client is None:
            raise StoreError(f"{self.where}: this store was closed. Open another one")

    def close(self) -> None:
        """Closes the client, and ends Milvus Lite where nobody else uses it."""
        client, self._client = self._client, None
        if client is not None and self._process == os.getpid():
            client.close()
        engine, self._engine = self._engine, None
        if engine is not None and self._process == os.getpid():
            assert self.settings.path is not None
            released(self.settings.path)

    def _connect(self) -> None:
        engine = self._engine
        uri = self.settings.uri or "" if engine is None else f"http://127.0.0.1:{engine.port}"
        try:
            self._client = self._make_client(uri)
        except self._errors as e:
            raise explain(e, self.where) from e
