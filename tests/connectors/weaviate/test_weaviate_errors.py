"""What can be wrong with settings, a server or an index: one typed error each, with what mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import registry
from ragkit.errors import ConfigError, CorruptIndexError, RagkitError, StoreError
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.store.remote.server import RECORDS, Point
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from tests.connectors.loopback import Loopback, Refusal, Reply, Request

pytest.importorskip("graphql", reason="needs graphql-core, which parses for the local server")
from ragkit_connectors.weaviate import WeaviateStore, opening
from tests.connectors.weaviate.server.collection import Collection
from tests.connectors.weaviate.server.service import READ, User, Weaviate
from tests.connectors.weaviate.stores import Stores

SPEC = spec_of()


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def service(stores: Stores) -> Weaviate:
    return stores.service


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"url: "),
        ({"url": "localhost:8080"}, r"url: expected http://HOST:8080 or https://HOST"),
        ({"url": "ftp://w"}, r"url: expected http://HOST:8080"),
        ({"url": "http://w:port"}, r"url: expected http://HOST:8080"),
        ({"url": "http://w/v1"}, r"and nothing after it"),
        ({"url": "https://me:open-sesame@w"}, r"Set api_key"),
        ({"url": "http://w", "name": "small"}, r"name: expected a name of letters and digits"),
        ({"url": "http://w", "name": "A__records"}, r"name: expected a name of letters and digits"),
        ({"url": "http://w", "index": "dynamic"}, r"index: "),
        ({"url": "http://w", "nmae": "A"}, r"nmae: unknown setting.*Did you mean 'name'"),
    ],
)
def test_settings_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        WeaviateStore(**given)
    assert "sesame" not in str(raised.value)


def test_the_key_is_sent_and_not_shown(service: Weaviate, stores: Stores) -> None:
    store = WeaviateStore(url="https://w", api_key="open-sesame")
    assert "sesame" not in f"{store.config!r}{store.config}{store.config.model_dump_json()}"
    service.users = {"open-sesame": User()}
    keys: tuple[dict[str, Any], ...] = ({}, {"api_key": "guess"})
    for key in keys:
        with pytest.raises(StoreError, match=r"refuses this api_key.*HTTP 401.*Set api_key") as raised:
            stores.make(SPEC, **key)
        assert "guess" not in str(raised.value)
    assert stores.make(SPEC, api_key="open-sesame").head() == 0


def test_it_is_registered() -> None:
    assert registry.load("store/weaviate") is WeaviateStore


# --- the server -------------------------------------------------------------------------------------


class Told:
    """A service that says one thing."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply

    def is_writing(self, request: Request) -> bool:
        return False

    def answer(self, request: Request) -> Reply:
        return self.reply


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>hi</html>"),
        Reply({"name": "node-1"}),
        Reply(b"not found", 404),
        Reply([1]),
        Reply(None),
    ],
)
def test_what_is_no_weaviate_is_said(reply: Reply) -> None:
    with Loopback(Told(reply)) as server, pytest.raises(StoreError, match=r"no Weaviate server.*Check url"):
        WeaviateStore(url=server.url, attempts=1).open(SPEC)


def test_a_server_that_is_too_old(stores: Stores, service: Weaviate) -> None:
    service.version = "1.24.10"
    with pytest.raises(StoreError, match=r"Weaviate 1\.24\.10, and store/weaviate needs 1\.27 or newer"):
        stores.make(SPEC)


def test_retry_after_is_kept_to(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    store = stores.make(SPEC)
    usual, left = stores.service.answer, [Refusal(429, {"error": []}, {"Retry-After": "7"})] * 2

    def limited(request: Request) -> Any:
        if left:
            raise left.pop()
        return usual(request)

    stores.service.answer = limited  # type: ignore[method-assign]
    assert store.head() == 0
    assert slept == [7.0, 7.0]


def test_a_role_that_may_only_read(stores: Stores, service: Weaviate) -> None:
    service.users = {"all": User(), "reader": User(READ)}
    store = stores.make(SPEC, name="Ours", api_key="all")
    store.commit([put("a", [("one", EAST)])])
    reader = stores.make(SPEC, name="Ours", api_key="reader")
    with reader.hold() as commit:
        hits = reader.search(EAST[None], 1, Scope(commit=commit))[0].id_list()
        assert texts(reader, hits) == ["one"]
    for call in (lambda: reader.commit([put("b", [("two", EAST)])]), reader.compact):
        with pytest.raises(
            StoreError, match=r"role does not allow it \(HTTP 403.*forbidden action.*create_co"
        ):
            call()
    with pytest.raises(StoreError, match=r"role does not allow it"):
        stores.make(SPEC, name="New", api_key="reader")


# --- the collections --------------------------------------------------------------------------------


def test_there_is_no_index(stores: Stores, service: Weaviate) -> None:
    for spec, create in ((None, True), (SPEC, False)):
        with pytest.raises(StoreError, match=r"no index here. Make one: ragkit ingest"):
            WeaviateStore(url=stores.server.url).open(spec, create=create)
    assert service.collections == {}


@pytest.mark.parametrize(("made", "opened"), [({"index": "flat"}, {}), ({}, {"tenancy": "native"})])
def test_what_it_was_made_with_is_not_changed(stores: Stores, made: Any, opened: Any) -> None:
    stores.make(SPEC, name="Ours", **made)
    with pytest.raises(ConfigError, match=r"the index was made with (flat|filter), and (hnsw|native) is set"):
        stores.make(SPEC, name="Ours", **opened)


@pytest.mark.parametrize("name", ["Ours", "Ours__records"])
def test_a_collection_of_somebody_else_is_left_alone(stores: Stores, service: Weaviate, name: str) -> None:
    service.collections[name] = Collection({"class": name, "properties": []})
    with pytest.raises(StoreError, match=rf"{name} is there and was made by something else than ragkit"):
        stores.make(SPEC, name="Ours")
    assert list(service.collections) == [name]


@pytest.mark.parametrize(
    ("change", "said"), [({"distance": "cosine"}, "compared by cosine"), ({"rq": {"enabled": True}}, "by rq")]
)
def test_vectors_of_another_kind_are_said(
    stores: Stores, service: Weaviate, change: dict[str, Any], said: str
) -> None:
    stores.make(SPEC, name="Ours")
    service.collections["Ours"].config["vectorIndexConfig"].update(change)
    with pytest.raises(StoreError, match=rf"its vectors are .*{said}, expected whole ones compared by dot"):
        stores.make(SPEC, name="Ours")


def test_what_died_while_it_made_an_index_is_made_whole(
    stores: Stores, service: Weaviate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_WAIT_S", 0.1)
    stores.make(SPEC, name="Ours")
    for name in [name for name in service.collections if name != "Ours"]:
        del service.collections[name]
    assert stores.make(SPEC, name="Ours").commit([put("a", [("one", EAST)])]) == 1


def test_chunks_without_a_record_of_commits_are_not_taken_over(stores: Stores, service: Weaviate) -> None:
    stores.make(SPEC, name="Ours").commit([put("a", [("one", EAST)])])
    for name in [name for name in service.collections if "head" in name]:
        del service.collections[name]
    with pytest.raises(CorruptIndexError, match=r"the record of commits is gone. Restore all collections"):
        stores.make(SPEC, name="Ours")


def test_a_collection_that_is_gone_is_said(stores: Stores, service: Weaviate) -> None:
    store = stores.make(SPEC, name="Ours")
    del service.collections["Ours"]
    with pytest.raises(CorruptIndexError, match=r"is not there.*Check url and name"):
        store.search(EAST[None], 1, OPEN)
    with pytest.raises(CorruptIndexError, match=r"collection Ours is gone.*Restore"):
        stores.make(SPEC, name="Ours")


def test_a_record_of_commits_that_is_no_json_is_said(stores: Stores, service: Weaviate) -> None:
    store = stores.make(SPEC, name="Ours")
    (name,) = (name for name in service.collections if "head" in name)
    service.collections[name].config["description"] = "{"
    with pytest.raises(CorruptIndexError, match=rf"the record of commits, collection {name}, is unreadable"):
        store.head()


def test_a_format_of_the_future_is_not_read(stores: Stores) -> None:
    store = stores.make(SPEC, name="Ours")
    store._server.change_head({"format": 99}, {})
    with pytest.raises(ConfigError, match=r"format 99, and this version of ragkit reads 1"):
        stores.make(SPEC, name="Ours")


def test_after_a_fork_connections_are_made_anew(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one connection would read each other's answers."""
    store = stores.make(SPEC)
    before = store._server._client
    assert store.head() == 0
    assert store._server._client is before
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert store.head() == 0
    assert store._server._client is not before
    before.close()


# --- what is damaged --------------------------------------------------------------------------------


def test_what_is_damaged_is_found_and_what_can_be_is_mended(stores: Stores, service: Weaviate) -> None:
    store = stores.make_here(SPEC, name="Ours")
    store.commit(
        [put("a", [("one", EAST), ("two", NORTH)], metadata={"lang": "en"}), put("b", [("x", EAST)])]
    )
    assert store.verify() == []
    held = service.collections["Ours"].objects
    one, two = (next(o for o in held if f'"{t}"' in o["properties"]["content"]) for t in ("one", "two"))
    content = json.loads(one["properties"]["content"])
    one["vector"] = [3.0, 0.0]
    one["properties"] |= {"facts": [], "content": json.dumps({**content, "k": []})}
    (problem,) = store.verify()
    assert "has a vector or words of filters that were not written. Run: ragkit repair" in problem
    assert store.repair(lambda given: EAST[None].repeat(len(given), 0)) == [
        f"{store.where}: 1 chunks embedded and indexed anew"
    ]
    assert store.verify() == []
    assert len(store.search(EAST[None], 5, Scope(filter=Eq("lang", "en")))[0]) == 2
    two["properties"]["content"] = two["properties"]["content"].replace('"two"', '"three"')
    (problem,) = store.verify()
    assert "its bytes are not those that were written" in problem
    assert "Restore all collections of the index from one backup; or: Remove the document" in problem


def test_a_record_of_another_document_is_found(stores: Stores) -> None:
    store = stores.make_here(SPEC)
    store.commit([put("a", [("one", EAST)])])
    record = {"kind": "document", "key": "x", "tenant": "", "from": 1, "to": 2**50, "record": "[]"}
    point = Point("00000000-0000-4000-8000-000000000001", payload=record)
    store._server.write(RECORDS, [point])
    assert any("cannot be read" in problem for problem in store.verify())


# --- a whole RAG ------------------------------------------------------------------------------------

CONFIG = """\
ragkit: 1
models: {embed: embed/bundled}
stores:
  cloud: {use: store/weaviate, url: "URL", name: Support, attempts: 1}
collection: {store: cloud, embed: embed}
query:
  dense: {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/rrf, in: [dense, sparse]}
  generate: generate/extractive
  verify: verify/citations
"""


def test_what_is_forgotten_is_gone_and_check_says_what_is_wrong(tmp_path: Path, stores: Stores) -> None:
    config = tmp_path / "rag.yaml"
    config.write_text(CONFIG.replace("URL", stores.server.url), encoding="utf-8")
    with ragkit.load(config) as rag:
        assert rag.check()["store"] == "store/weaviate"
        rag.ingest([ragkit.Document("note-7", "Ada's door code is 4711. Код двери: 4711.")], progress=False)
        assert [hit.chunk.document_id for hit in rag.retrieve("код двери", retriever="bm25").hits] == [
            "note-7"
        ]
        done = rag.forget("note-7")
        assert (done.documents, done.erased) == (("note-7",), True)
        assert rag.retrieve("door code 4711", retriever="bm25").hits == ()
    held = [json.dumps(o) for c in stores.service.collections.values() for o in c.objects]
    assert not any("4711" in one or "note-7" in one for one in held)
    stores.server.stop()
    with (
        pytest.raises(RagkitError, match=r"cannot be reached.*Check that the server runs"),
        ragkit.load(config) as rag,
    ):
        rag.check()
