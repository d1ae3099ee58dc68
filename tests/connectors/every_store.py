"""Each store that runs here, made the same way: what is asked of all of them is asked once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec

SERVERS = ("pgvector", "qdrant", "opensearch", "milvus", "weaviate", "pinecone")
OTHERS = (*SERVERS, "lancedb", "edge")  # the last: Qdrant's engine within the process
KINDS = ("local", *OTHERS)


class Place:
    """Where one index of a kind lies.

    Args:
        kind: one of `KINDS`.
        folder: for those that lie in one.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self._close: Callable[[], object] = lambda: None
        self._opened: list[Any] = []
        if kind == "local":
            self._make: Callable[[StoreSpec], Any] = lambda spec: LocalStore(path=folder).open(spec)
            return
        stores, given = self._stores(folder)
        self._close = stores.close
        self._make = lambda spec: stores.make(spec, **given)

    def open(self, spec: StoreSpec) -> Any:
        """The store, made if it is not there; one that was opened before is closed."""
        self._close_opened()
        self._opened.append(self._make(spec))
        return self._opened[-1]

    def close(self) -> None:
        """Closes what was opened, and removes it where it lies on a server."""
        self._close_opened()
        self._close()

    def _close_opened(self) -> None:
        while self._opened:
            self._opened.pop().close()

    def _stores(self, folder: Path) -> tuple[Any, dict[str, Any]]:
        if self.kind == "pgvector":
            pytest.importorskip("psycopg", reason="needs the extra pgvector")
            from tests.connectors import pgvector_server as pg

            return pg.Stores(), {"name": f"every{abs(hash(folder)) % 10**12}"}
        if self.kind == "qdrant":
            pytest.importorskip("qdrant_client", reason="needs the extra qdrant")
            from tests.connectors import qdrant_stores as qdrant

            return qdrant.Stores(), {"path": folder, "collection": "ours"}
        if self.kind == "edge":
            pytest.importorskip("qdrant_edge", reason="needs the extra qdrant-edge")
            from tests.connectors import qdrant_edge as edge
            from tests.connectors import qdrant_stores as qdrant

            return qdrant.Stores(), {"engine": "edge", "path": edge.new_folder(), "collection": "ours"}
        if self.kind == "milvus":
            pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
            from tests.connectors.milvus import stores as milvus

            return milvus.Stores(), {"path": folder.with_suffix(".db"), "collection": "ours"}
        if self.kind == "lancedb":
            pytest.importorskip("lancedb", reason="needs the extra lancedb")
            from tests.connectors import lance_stores as lance

            return lance.Stores(), {"path": folder}
        if self.kind == "weaviate":
            pytest.importorskip("graphql", reason="needs graphql-core, which parses for the local server")
            from tests.connectors.weaviate import stores as weaviate

            return weaviate.Stores(), {"name": "Ours"}
        if self.kind == "pinecone":
            pytest.importorskip("httpx", reason="needs the extra pinecone")
            from tests.connectors.pinecone import stores as pinecone

            made = pinecone.Stores()
            made.service.is_lagging = False
            return made, {"name": "ours"}
        pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
        from tests.connectors.opensearch import stores as opensearch

        return opensearch.Stores(), {"name": "ours"}
