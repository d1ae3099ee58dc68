"""What can be wrong with settings, a server or a collection: one typed error each, with what mends it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit import registry
from ragkit.errors import ConfigError, CorruptIndexError, MissingExtraError, StoreError, TransientStoreError
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.store.remote.server import CHUNKS, RECORDS, Point
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from ragkit_connectors.milvus import MilvusStore, rows
from ragkit_connectors.milvus.calls import connect
from tests.connectors.milvus.stores import Stores

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
from tests.connectors.milvus.shaky import Shaky, ShakyStore

SPEC = spec_of()


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"expected one of uri .*and found none"),
        ({"uri": "http://m:19530", "path": "x.db"}, r"found uri and path"),
        ({"path": "index"}, r"path: expected a folder whose name ends in .db"),
        ({"uri": "m:19530"}, r"uri: expected http://HOST:19530"),
        ({"uri": "http://root:open-sesame@m:19530"}, r"a name or a password stands in a URI. Set token"),
        ({"path": "x.db", "collection": "a-b"}, r"collection: expected a name of letters, digits and _"),
        ({"path": "x.db", "index": "ivf"}, r"index: "),
        ({"path": "x.db", "colection": "a"}, r"colection: unknown setting.*Did you mean 'collection'"),
    ],
)
def test_settings_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        MilvusStore(**given)
    assert "sesame" not in str(raised.value)


def test_the_token_is_not_shown() -> None:
    store = MilvusStore(uri="https://m:19530", token="root:open-sesame")
    assert "sesame" not in f"{store.config!r}{store.config}{store.config.model_dump_json()}"


def test_it_is_registered() -> None:
    assert registry.load("store/milvus") is MilvusStore


def test_without_milvus_lite_a_folder_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "milvus_lite.adapter.grpc.server", None)
    with pytest.raises(MissingExtraError, match=r"milvus_lite.*pip install 'ragkit\[milvus-lite\]'"):
        MilvusStore(path=tmp_path / "m.db").open(SPEC)


def test_a_file_of_settings_beside_the_package_is_not_read() -> None:
    """Which the client does on import, into the environment of the whole process."""
    script = """
import dotenv.main, os, sys
read = []
dotenv.main.DotEnv.set_as_environment_variables = lambda self: read.append(self.dotenv_path)
from ragkit_connectors.milvus.vendor import pymilvus
pymilvus()
assert read == [] and "PYTHON_DOTENV_DISABLED" not in os.environ, read
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_DOTENV_DISABLED"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- the server -------------------------------------------------------------------------------------


@contextmanager
def web_page() -> Iterator[str]:
    """A server that is none of Milvus."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_what_answers_is_no_milvus() -> None:
    with web_page() as uri, pytest.raises(StoreError, match=r"cannot be reached.*host and port of uri"):
        MilvusStore(uri=uri, timeout_s=1).open(SPEC)


class Saying(Shaky):
    """A client of a server of another version."""

    version = ""

    def get_server_version(self, **_: Any) -> str:
        return self.version


@pytest.mark.parametrize(
    ("version", "said"),
    [("v2.3.9", r"Milvus v2\.3\.9, and store/milvus needs 2\.4 or newer. Upgrade it"),
     ("hello", r"is no Milvus server. Check uri")],
)  # fmt: skip
def test_a_server_of_another_version(tmp_path: Path, version: str, said: str) -> None:
    class OtherStore(MilvusStore):
        def make_client(self, uri: str) -> Any:
            client = Saying(connect(self.config, uri))
            client.version = version
            return client

    with pytest.raises(StoreError, match=said):
        OtherStore(path=tmp_path / "m.db").open(SPEC)


@pytest.mark.parametrize(
    ("code", "message", "error", "said"),
    [
        (65535, "auth check failure, please check api key", StoreError, r"refuses this token.*Set token"),
        (65535, "PrivilegeQuery: permission deny to me", StoreError, r"role does not allow it.*a role needs"),
        (8, "rate limit exceeded", TransientStoreError, r"fails for now.*Try again"),
        (503, "channel not available", TransientStoreError, r"fails for now.*Try again"),
        (1, "Retry timeout: 3s, StatusCode.UNAVAILABLE", TransientStoreError, r"cannot be reached.*Check"),
        (1, "StatusCode.DEADLINE_EXCEEDED", TransientStoreError, r"within timeout_s.*or raise it"),
        (100, "collection not found", CorruptIndexError, r"is not there.*Check uri, database and collection"),
        (1, "StatusCode.UNIMPLEMENTED", StoreError, r"is no Milvus server.*Check uri"),
        (1100, "invalid parameter", StoreError, r"the server refuses \(invalid parameter\)"),
    ],
)  # fmt: skip
def test_what_a_server_may_say(
    stores: Stores, code: int, message: str, error: type[StoreError], said: str
) -> None:
    from pymilvus.exceptions import MilvusException

    store = stores.make(SPEC, ShakyStore, collection="said", attempts=1)
    assert isinstance(store, ShakyStore)

    def fail(_: Any) -> Any:
        raise MilvusException(code=code, message=message)

    store.client.begin(lambda n, name: fail if name == "query" else None)
    with pytest.raises(error, match=said):
        store.counts()


# --- the collections --------------------------------------------------------------------------------


def test_there_is_no_index(stores: Stores) -> None:
    path = stores.make(SPEC).config.path
    for spec, create in ((None, True), (SPEC, False)):
        with pytest.raises(StoreError, match=r"no index here. Make one: ragkit ingest"):
            MilvusStore(path=path, collection="nowhere").open(spec, create=create)


def test_a_folder_has_one_process(tmp_path: Path) -> None:
    store = MilvusStore(path=tmp_path / "m.db").open(SPEC)
    again = MilvusStore(path=tmp_path / "m.db").open(SPEC)  # within one process both use one engine
    again.commit([put("a", [("one", EAST)])])
    again.close()
    assert store.counts().chunks == 1
    script = """
import sys
from ragkit.errors import StoreError
from ragkit_connectors.milvus import MilvusStore
try:
    MilvusStore(path=sys.argv[1]).open()
except StoreError as e:
    print(e, flush=True)
sys.stdin.readline()
print(MilvusStore(path=sys.argv[1]).open().counts().chunks, flush=True)
"""
    given = [sys.executable, "-c", script, str(tmp_path / "m.db")]
    with subprocess.Popen(
        given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        said = other.stdout.readline()
        assert "cannot be opened" in said
        assert "A folder has one process; for more, start a server and set uri" in said
        store.close()
        print(file=other.stdin, flush=True)
        assert other.stdout.readline() == "1\n"


def test_what_the_older_milvus_lite_made_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "m.db").write_bytes(b"SQLite format 3\0")
    with pytest.raises(StoreError, match=r"cannot be opened.*older Milvus Lite made in one file is not read"):
        MilvusStore(path=tmp_path / "m.db").open(SPEC)
    assert (tmp_path / "m.db").read_bytes() == b"SQLite format 3\0"


@pytest.mark.parametrize(("made", "opened"), [("flat", "hnsw"), ("hnsw", "flat")])
def test_a_graph_does_not_pass_for_a_comparison_with_all(stores: Stores, made: str, opened: str) -> None:
    stores.make(SPEC, collection=f"made_{made}", index=made)
    with pytest.raises(ConfigError, match=rf"made with {made}, and {opened} is set. Set index: {made}"):
        stores.make(SPEC, collection=f"made_{made}", index=opened)


@pytest.mark.parametrize("name", ["theirs", "theirs__ragkit"])
def test_a_collection_of_somebody_else_is_left_alone(stores: Stores, name: str) -> None:
    client = stores.make(SPEC)._server
    client.call("create_collection", name, dimension=2, auto_id=False)
    client.call("insert", name, data=[{"id": 1, "vector": [1.0, 0.0]}])
    with pytest.raises(StoreError, match=rf"{name} is there and was made by something else than ragkit"):
        stores.make(SPEC, collection="theirs")
    assert client.call("query", name, filter="id == 1", output_fields=["id"]) == [{"id": 1}]
    client.call("drop_collection", name)


def test_a_dimension_that_milvus_does_not_take(stores: Stores) -> None:
    for n in (1, 40_000):
        with pytest.raises(ConfigError, match=r"vectors of 2 to 32,768 numbers, and the embedder gives"):
            stores.make(replace(SPEC, dimension=n))


def test_a_vector_of_another_length_is_refused_and_nothing_is_written(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([put("a", [("one", EAST)])])
    with pytest.raises(StoreError, match=r"dimension|shape|numbers"):
        store.commit([put("a", [("two", np.array([1, 0, 0], np.float32))])])
    with pytest.raises(StoreError, match=r"dimension|shape|numbers"):
        store.search(np.array([[1, 0, 0]], np.float32), 1, OPEN)
    assert texts(store, store.search(EAST[None], 5, OPEN)[0].id_list()) == ["one"]


@pytest.mark.parametrize("left", [0, 1], ids=["the record's place", "the chunks too"])
def test_what_died_while_it_made_an_index_is_made_whole(stores: Stores, left: int) -> None:
    store = stores.make(SPEC, collection=f"dead{left}")
    for name in [*store._server.turn.names(), *[store.config.records][:left]]:
        store._server.call("drop_collection", name)
    again = stores.make(SPEC, collection=f"dead{left}")
    assert again.commit([put("a", [("one", EAST)])]) == 1


def test_chunks_without_a_record_of_commits_are_not_taken_over(stores: Stores) -> None:
    store = stores.make(SPEC, collection="lost")
    store.commit([put("a", [("one", EAST)])])
    store._server.call("drop_collection", store._server.turn.names()[0])
    with pytest.raises(CorruptIndexError, match=r"the record of commits is gone. Restore the collections"):
        stores.make(SPEC, collection="lost")


def test_a_collection_that_is_gone_is_said(stores: Stores) -> None:
    store = stores.make(SPEC, collection="gone")
    store._server.call("drop_collection", "gone")
    with pytest.raises(CorruptIndexError, match=r"is not there.*Check uri, database and collection"):
        store.search(EAST[None], 1, OPEN)
    with pytest.raises(CorruptIndexError, match=r"is not there.*Check uri"):
        store.commit([put("a", [("one", EAST)])])
    with pytest.raises(CorruptIndexError, match=r"collection of the chunks is gone.*Restore"):
        stores.make(SPEC, collection="gone")


def test_a_format_of_the_future_is_not_read(stores: Stores) -> None:
    store = stores.make(SPEC, collection="future")
    store._server.change_head({"format": 99}, {})
    with pytest.raises(ConfigError, match=r"format 99, and this version of ragkit reads 1"):
        stores.make(SPEC, collection="future")


def test_after_a_fork_a_folder_is_refused(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.make(SPEC)
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: 1)
        with pytest.raises(StoreError, match=r"opened by another process.*after the fork"):
            store.head()
    assert store.head() == 0


# --- what a row does not take -----------------------------------------------------------------------


def test_a_chunk_of_more_words_than_a_list_takes_is_refused(stores: Stores) -> None:
    store = stores.make(SPEC)
    text = " ".join(f"w{i}" for i in range(5_000))
    with pytest.raises(
        StoreError, match=r"document 'a' has 5,000 different terms, and Milvus takes lists of"
    ):
        store.commit([put("b", [("one", EAST)]), put("a", [(text, EAST)])])
    assert store.counts().chunks == 0
    many = {"tags": [f"t{i}" for i in range(5_000)]}
    with pytest.raises(StoreError, match=r"document 'a' has 5,002 values of metadata"):
        store.commit([put("a", [("one", EAST)], metadata=many)])
    assert store.commit([put("a", [("one", EAST)])]) > 0


def test_a_text_longer_than_a_column_comes_back(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.make(SPEC)
    text = "слово \0 😀 " * 30_000
    store.commit([put("a", [(text, EAST)], metadata={"note": "x" * 100_000})])
    (chunk,) = store.fetch(store.search(EAST[None], 1, OPEN)[0].id_list(), OPEN)
    assert chunk is not None
    assert (chunk.text, chunk.metadata["note"]) == (text, "x" * 100_000)
    assert store.verify() == []
    monkeypatch.setattr(rows, "MOST_SLICES", 2)
    with pytest.raises(
        StoreError, match=r"takes .* characters, and a row at most 30,000. Split the document"
    ):
        store.commit([put("b", [(text, EAST)])])
    assert store.counts().documents == 1


# --- what is damaged --------------------------------------------------------------------------------


def test_what_is_damaged_is_found_and_what_can_be_is_mended(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit(
        [put("a", [("one", EAST), ("two", NORTH)], metadata={"lang": "en"}), put("b", [("x", EAST)])]
    )
    server, name = store._server, store.config.collection
    every = server.call("query", name, filter="pk != ''", output_fields=["*"])
    by_text = {rows.joined(row["content"])["text"]: row for row in every}
    server.call("upsert", name, data=[{**by_text["one"], "dense": [3.0, 0.0], "k": []}])
    (problem,) = store.verify()
    assert "has a vector or words of filters that were not written. Run: ragkit repair" in problem
    assert store.repair(lambda some: EAST[None].repeat(len(some), 0)) == [
        f"{store.where}: 1 chunks embedded and indexed anew"
    ]
    assert store.verify() == []
    assert len(store.search(EAST[None], 5, Scope(filter=Eq("lang", "en")))[0]) == 2
    body = rows.joined(by_text["two"]["content"])
    other = rows._sliced({**body, "text": "three"}, {}, "")
    server.call("upsert", name, data=[{**by_text["two"], "content": other}])
    (problem,) = store.verify()
    assert "its bytes are not those that were written" in problem
    server.call("upsert", name, data=[{**by_text["two"], "content": ["{"]}])
    with pytest.raises(CorruptIndexError, match=r"a row of the index is damaged.*Restore the collections"):
        store.fetch(store.search(EAST[None], 5, OPEN)[0].id_list(), OPEN)
    server.remove(CHUNKS, [by_text["two"]["pk"]])
    assert any("document 'a': 1 chunks are there, and its state says 2" in p for p in store.verify())


def test_a_record_of_another_document_is_found(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([put("a", [("one", EAST)])])
    record = {"kind": "document", "key": "x", "tenant": "", "from": 1, "to": 2**50, "record": "[]"}
    store._server.write(RECORDS, [Point("x", payload=record)])
    assert any("cannot be read" in problem for problem in store.verify())
