"""What can be wrong with settings, a server or an index: one typed error each, with what mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.store.remote.server import RECORDS, Point
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN
from tests.connectors.refused import SPEC, ServerChecks, dumped

pytest.importorskip("graphql", reason="needs graphql-core, which parses for the local server")
from ragkit_connectors.weaviate import WeaviateStore, opening
from tests.connectors.weaviate.server.collection import Collection
from tests.connectors.weaviate.server.service import READ, User, Weaviate
from tests.connectors.weaviate.stores import Stores


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


# --- the server -------------------------------------------------------------------------------------


class TestServer(ServerChecks):
    """What holds of any server over HTTP."""

    kind, store_class, use, address, product = Stores, WeaviateStore, "store/weaviate", "url", "Weaviate"
    forbidden = "forbidden action.*create_co"

    def users(self) -> dict[str, Any]:
        return {"all": User(), "reader": User(READ)}

    def held(self) -> list[str]:
        return dumped(o for c in self.stores.service.collections.values() for o in c.objects)

    def places(self) -> list[str]:
        return list(self.stores.service.collections)


def test_a_server_that_is_too_old(stores: Stores, service: Weaviate) -> None:
    service.version = "1.24.10"
    with pytest.raises(StoreError, match=r"Weaviate 1\.24\.10, and store/weaviate needs 1\.27 or newer"):
        stores.make(SPEC)


# --- the collections --------------------------------------------------------------------------------


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
