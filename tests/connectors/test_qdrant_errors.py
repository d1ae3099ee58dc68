"""What can be wrong with settings, a server or a collection: one typed error each, with what mends it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from ragkit import registry
from ragkit.errors import ConfigError, CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote.conditions import equals
from ragkit.store.remote.server import RECORDS
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, OPEN, spec_of
from ragkit_connectors.qdrant import QdrantStore
from tests.connectors.qdrant_stores import Stores

SPEC = spec_of()


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"expected one of url .*and found none"),
        ({"url": "http://q:6333", "path": "index"}, r"found url and path"),
        ({"location": "http://q:6333"}, r"location: expected ':memory:'. A server is named by url"),
        ({"url": "http://q:6333", "api_key": "sesame\n-1"}, r"api_key: it holds a character that no header"),
        ({"location": ":memory:", "collection": "a/b"}, r"collection: expected a name of letters"),
        (
            {"location": ":memory:", "colection": "a"},
            r"colection: unknown setting.*Did you mean 'collection'",
        ),
    ],
)
def test_settings_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        QdrantStore(**given)


@pytest.mark.parametrize("url", ["localhost:6333", "ftp://q:6333", "http://", "q"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigError, match="url: expected http://HOST:6333"):
        QdrantStore(url=url).open(SPEC)


def test_the_key_is_not_shown() -> None:
    store = QdrantStore(url="https://user:open@q:6333", api_key="open-sesame", attempts=1)
    assert "sesame" not in f"{store.config!r}{store.config}{store.config.model_dump_json()}"


def test_it_is_registered() -> None:
    assert registry.load("store/qdrant") is QdrantStore


# --- the server -------------------------------------------------------------------------------------


@contextmanager
def answering(status: int, body: bytes, kind: str = "application/json") -> Iterator[str]:
    """A server that says the same to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, b"Must provide an API key", StoreError, r"refuses this api_key, or asks for one.*Set api_key"),
        (403, b"Forbidden", StoreError, r"must not be a read-only key"),
        (503, b"busy", TransientStoreError, r"fails for now \(HTTP 503: busy\). Try again"),
        (200, b"<html>Welcome</html>", StoreError, r"is no Qdrant server.*Check url"),
        (200, b'{"hello": 1}', StoreError, r"is no Qdrant server.*Check url"),
        (404, b"not here", StoreError, r"Check url"),
    ],
)
def test_what_a_server_may_say(status: int, body: bytes, error: type[StoreError], said: str) -> None:
    with answering(status, body) as url, pytest.raises(error, match=said):
        QdrantStore(url=url, attempts=1).open(SPEC)


def test_a_server_that_is_too_old() -> None:
    said = json.dumps({"title": "qdrant - vector search engine", "version": "1.9.7"}).encode()
    with (
        answering(200, said) as url,
        pytest.raises(StoreError, match=r"Qdrant 1\.9\.7.*needs 1\.10 or newer"),
    ):
        QdrantStore(url=url, attempts=1).open(SPEC)


# --- the collections --------------------------------------------------------------------------------


def test_there_is_no_index(tmp_path: Path) -> None:
    for spec, create in ((None, True), (SPEC, False)):
        with pytest.raises(StoreError, match=r"no index here. Make one: ragkit ingest"):
            QdrantStore(path=tmp_path / "q").open(spec, create=create)


# The client leaves its lock file to the garbage collector where it is refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_has_one_process(tmp_path: Path) -> None:
    store = QdrantStore(path=tmp_path / "q").open(SPEC)
    with pytest.raises(StoreError, match=r"cannot be opened.*A folder has one process.*set url"):
        QdrantStore(path=tmp_path / "q").open(SPEC)
    store.close()


def test_an_index_is_opened_as_it_was_made(tmp_path: Path) -> None:
    store = QdrantStore(path=tmp_path / "q").open(SPEC)
    store.commit([put("a", [("one", EAST)])])
    store.close()
    for spec in (
        replace(SPEC, dimension=3),
        replace(SPEC, embedder_fingerprint="other"),
        replace(SPEC, analyzer_fingerprint="other"),
    ):
        with pytest.raises(ConfigError, match="this index was made with"):
            QdrantStore(path=tmp_path / "q").open(spec)
    again = QdrantStore(path=tmp_path / "q").open()
    assert again.counts().chunks == 1
    again.close()


@pytest.mark.parametrize("name", ["ragkit", "ragkit__ragkit"])
def test_a_collection_of_somebody_else_is_left_alone(tmp_path: Path, name: str) -> None:
    client = QdrantClient(path=str(tmp_path / "q"))
    client.create_collection(name, models.VectorParams(size=2, distance=models.Distance.COSINE))
    client.upsert(name, [models.PointStruct(id=1, vector=[1.0, 0.0], payload={"document": "theirs"})])
    client.close()
    with pytest.raises(StoreError, match=r"made by something else than ragkit. Set another name"):
        QdrantStore(path=tmp_path / "q").open(SPEC)
    client = QdrantClient(path=str(tmp_path / "q"))
    assert client.count(name).count == 1
    client.close()


@pytest.mark.parametrize(
    "other",
    [
        {"dense": models.VectorParams(size=3, distance=models.Distance.DOT)},
        {"dense": models.VectorParams(size=2, distance=models.Distance.EUCLID)},
        models.VectorParams(size=2, distance=models.Distance.DOT),
    ],
    ids=["dimension", "distance", "unnamed"],
)
def test_vectors_of_another_kind_are_said(tmp_path: Path, other: Any) -> None:
    client = QdrantClient(path=str(tmp_path / "q"))
    client.create_collection("ragkit", other)
    client.close()
    with pytest.raises(
        StoreError, match=r"expected 'dense' of 2 numbers with distance Dot.*Set another name"
    ):
        QdrantStore(path=tmp_path / "q").open(SPEC)


def test_what_died_while_it_made_an_index_is_made_whole(tmp_path: Path) -> None:
    store = QdrantStore(path=tmp_path / "q").open(SPEC)
    store.close()
    client = QdrantClient(path=str(tmp_path / "q"))
    client.delete_collection("ragkit__ragkit")
    client.close()
    again = QdrantStore(path=tmp_path / "q").open(SPEC)
    assert again.commit([put("a", [("one", EAST)])]) == 1
    again.close()


def test_a_collection_that_is_gone_is_said(tmp_path: Path) -> None:
    store = QdrantStore(path=tmp_path / "q").open(SPEC)
    store._server.call("drop", "ragkit")
    with pytest.raises(CorruptIndexError, match=r"is not there.*Check url and collection"):
        store.search(EAST[None], 1, OPEN)
    store.close()
    with pytest.raises(CorruptIndexError, match=r"collection of the chunks is gone.*Restore"):
        QdrantStore(path=tmp_path / "q").open(SPEC)


def test_a_format_of_the_future_is_not_read(tmp_path: Path) -> None:
    store = QdrantStore(path=tmp_path / "q").open(SPEC)
    store._server.set(RECORDS, {"format": 99}, equals("kind", "head"))
    store.close()
    with pytest.raises(ConfigError, match=r"format 99, and this version of ragkit reads 1"):
        QdrantStore(path=tmp_path / "q").open(SPEC)
