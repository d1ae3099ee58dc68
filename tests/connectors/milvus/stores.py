"""Stores for the tests of Milvus: in a folder of Milvus Lite, or on the server that MILVUS_URI names."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest

from ragkit.store_spec import StoreSpec
from ragkit_connectors.milvus import MilvusStore
from ragkit_connectors.milvus.scratch import removed

URI = os.environ.get("MILVUS_URI")
needs_server = pytest.mark.skipif(
    not URI,
    reason="MILVUS_URI names no server; https://milvus.io/docs/install_standalone-docker.md starts one",
)


def server_settings() -> dict[str, Any]:
    """Settings for the server, with its token where it has one."""
    token = os.environ.get("MILVUS_TOKEN")
    return {"uri": URI, **({"token": token} if token else {})}


ON_SERVER = pytest.param(server_settings(), marks=needs_server, id="server")


class Stores:
    """Makes stores, each with collections of its own, and removes them.

    All that name no place share a folder of Milvus Lite, for an engine takes its time to begin.
    """

    def __init__(self) -> None:
        self.opened: list[MilvusStore] = []
        self._folder = Path(tempfile.mkdtemp(prefix="ragkit-milvus-"))

    def make(self, spec: StoreSpec, kind: type[MilvusStore] = MilvusStore, **settings: Any) -> MilvusStore:
        """An empty store, unless the settings name one that is there."""
        place = {} if {"uri", "path"} & set(settings) else {"path": self._folder / "milvus.db"}
        name = settings.pop("collection", f"test_{uuid.uuid4().hex[:12]}")
        store = kind(**{"collection": name, "partitions": 2, **place, **settings}).open(spec)
        self.opened.append(store)
        return store

    def close(self) -> None:
        """Closes all, and deletes what lies on a server."""
        for store in self.opened:
            with contextlib.suppress(Exception):
                store.close()
            if store.config.uri is not None:
                removed(store.config, store.make_client)
        self.opened.clear()
        shutil.rmtree(self._folder, ignore_errors=True)
