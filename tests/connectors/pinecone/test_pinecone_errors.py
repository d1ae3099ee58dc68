"""What can be wrong with settings, a server or an index: one typed error each, with what mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN, texts
from tests.connectors.loopback import Loopback, Reply, Request
from tests.connectors.refused import SPEC, ServerChecks, dumped

pytest.importorskip("httpx", reason="needs the extra pinecone")
from ragkit_connectors.pinecone import PineconeStore, calls
from tests.connectors.pinecone.server.service import Pinecone, User
from tests.connectors.pinecone.stores import Stores


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    monkeypatch.setattr(calls, "POLL_S", 0.001)
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def service(stores: Stores) -> Pinecone:
    return stores.service


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"host: "),
        ({"host": "rag-abc.svc.pinecone.io"}, r"host: expected http://HOST or https://HOST"),
        ({"host": "ftp://p"}, r"host: expected http://HOST"),
        ({"host": "http://p:port"}, r"host: expected http://HOST"),
        ({"host": "https://p/query"}, r"and nothing after it"),
        ({"host": "https://me:open-sesame@p"}, r"Set api_key"),
        ({"host": "https://p", "name": "a.b"}, r"name: expected a name of letters, digits"),
        ({"host": "https://p", "name": ""}, r"name: expected a name of letters, digits"),
        ({"host": "https://p", "tenancy": "native"}, r"tenancy: "),
        ({"host": "https://p", "nmae": "a"}, r"nmae: unknown setting.*Did you mean 'name'"),
    ],
)
def test_settings_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        PineconeStore(**given)
    assert "sesame" not in str(raised.value)


# --- the server -------------------------------------------------------------------------------------


class TestServer(ServerChecks):
    """What holds of any server over HTTP."""

    kind, store_class, use, address, product = Stores, PineconeStore, "store/pinecone", "host", "Pinecone"
    forbidden = "DataPlaneEditor"

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(calls, "POLL_S", 0.001)

    def users(self) -> dict[str, Any]:
        return {"all": User(), "reader": User(may_write=False)}

    def sized(self, dimension: int) -> None:
        self.stores.service.dimension = dimension

    def held(self) -> list[str]:
        return dumped(row for space in self.stores.service.spaces.values() for row in space.newest().values())

    def places(self) -> list[str]:
        return list(self.stores.service.spaces)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"dimension": 1, "metric": "dotproduct"}, r"takes vectors of 1 numbers, and the embedder gives 2"),
        ({"dimension": 2, "metric": "euclidean"}, r"compares by euclidean, expected dotproduct or cosine"),
        ({"vectorType": "sparse", "metric": "dotproduct"}, r"holds sparse vectors alone. Make a dense one"),
    ],
)
def test_an_index_that_does_not_fit(said: dict[str, Any], error: str) -> None:
    service = Pinecone(2)
    usual = service.answer

    def told(request: Request) -> Any:
        return Reply(said) if request.path == "/describe_index_stats" else usual(request)

    service.answer = told  # type: ignore[method-assign]
    with Loopback(service) as server, pytest.raises(StoreError, match=error):
        PineconeStore(host=server.url, attempts=1).open(SPEC)
    assert service.spaces == {}


# --- the namespaces ---------------------------------------------------------------------------------


def test_an_index_is_opened_as_it_was_made(stores: Stores) -> None:
    stores.make(SPEC, name="ours").commit([put("a", [("one", EAST)])])
    for spec in (replace(SPEC, dimension=1), replace(SPEC, embedder_fingerprint="other")):
        with pytest.raises(ConfigError, match="this index was made with"):
            stores.make(spec, name="ours")
    with pytest.raises(ConfigError, match=r"tenancy: the index was made with filter, and namespaces is set"):
        stores.make(SPEC, name="ours", tenancy="namespaces")
    assert stores.make(None, name="ours").counts().chunks == 1


def test_namespaces_of_somebody_else_are_left_alone(stores: Stores, service: Pinecone) -> None:
    theirs = stores.make(SPEC, name="our")
    theirs.commit([put("a", [("theirs", EAST)])])
    before = {name: space.newest() for name, space in service.spaces.items()}
    ours = stores.make(SPEC, name="ours")
    ours.commit([put("a", [("ours", EAST)])])
    assert texts(ours, ours.search(EAST[None], 5, OPEN)[0].id_list()) == ["ours"]
    assert {name: service.spaces[name].newest() for name in before} == before


def test_a_state_that_something_else_made_is_said(stores: Stores, service: Pinecone) -> None:
    store = stores.make(SPEC, name="ours")
    (name,) = (name for name in service.spaces if ".head." in name)
    service.spaces[name].fields = {"genre": {"filterable": True}}
    with pytest.raises(StoreError, match=rf"namespace {name} was made by something else than ragkit"):
        store.head()


def test_chunks_without_a_record_of_commits_are_not_taken_over(stores: Stores, service: Pinecone) -> None:
    stores.make(SPEC, name="ours").commit([put("a", [("one", EAST)])])
    service.is_lagging = False
    for name in [name for name in service.spaces if ".head." in name]:
        del service.spaces[name]
    with pytest.raises(CorruptIndexError, match=r"the record of commits is gone. Restore the index from a"):
        stores.make(SPEC, name="ours")


def test_what_died_while_it_made_an_index_is_made_whole(stores: Stores, service: Pinecone) -> None:
    stores.make(SPEC, name="ours")
    for name in [name for name in service.spaces if ".head." in name]:
        del service.spaces[name]
    assert stores.make(SPEC, name="ours").commit([put("a", [("one", EAST)])]) == 1


def test_a_record_of_commits_that_is_lost_is_said(stores: Stores, service: Pinecone) -> None:
    store = stores.make(SPEC, name="ours")
    parts = service.spaces["ours.parts"]
    parts.write(lambda rows: rows.clear())
    service.is_lagging = False
    with pytest.raises(
        CorruptIndexError, match=r"a part of the index is not there \(record h[0-9a-f]+ of ours"
    ):
        stores.make(SPEC, name="ours", timeout_s=1)
    assert store.head() == 0  # what was read once stays


# --- what is damaged --------------------------------------------------------------------------------


def test_what_is_damaged_is_found_and_what_can_be_is_mended(stores: Stores, service: Pinecone) -> None:
    service.is_lagging = False
    store = stores.make_here(SPEC, name="ours")
    store.commit(
        [put("a", [("one", EAST), ("two", NORTH)], metadata={"lang": "en"}), put("b", [("x", EAST)])]
    )
    assert store.verify() == []
    chunks, parts = service.spaces["ours.chunks"], service.spaces["ours.parts"]
    held = {name: json.loads(row["metadata"]["part"]) for name, row in parts.newest().items()}
    one, two = (next(i for i, said in held.items() if said.get("text") == text) for text in ("one", "two"))

    def damage(rows: dict[str, Any]) -> None:
        row = rows[one.split(".")[0]]
        rows[row["id"]] = {**row, "values": [3.0, 0.0], "metadata": {**row["metadata"], "facts": ["x"]}}

    def changed(identity: str, **values: Any) -> None:
        text = json.dumps({**held[identity], **values}, ensure_ascii=False)
        parts.write(lambda rows: rows.update({identity: {**rows[identity], "metadata": {"part": text}}}))

    chunks.write(damage)
    changed(one, k=[])
    (problem,) = store.verify()
    assert "has a vector or words of filters that were not written. Run: ragkit repair" in problem
    assert store.repair(lambda given: EAST[None].repeat(len(given), 0)) == [
        f"{store.where}: 1 chunks embedded and indexed anew"
    ]
    assert store.verify() == []
    assert len(store.search(EAST[None], 5, Scope(filter=Eq("lang", "en")))[0]) == 2
    changed(two, text="three")
    (problem,) = store.verify()
    assert "its bytes are not those that were written" in problem
    assert "Restore the index from a backup; or: Remove the document" in problem


def test_a_text_that_is_lost_is_said_wherever_it_is_needed(
    stores: Stores, service: Pinecone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit_connectors.pinecone.calls.POLL_S", 0.0)
    service.is_lagging = False
    store = stores.make_here(SPEC, name="ours")
    store.commit([put("a", [("one", EAST)])])
    (identity,) = store.search(EAST[None], 1, OPEN)[0].id_list()
    parts = service.spaces["ours.parts"]
    texts = {i: json.loads(row["metadata"]["part"]) for i, row in parts.newest().items() if i[0] != "h"}
    calls: dict[str, tuple[Any, ...]] = {
        "document": (lambda: store.source("", "a"),),
        "state": (store.states, lambda: store.state("", "a")),
        "totals": (store.counts, lambda: store.commit([put("b", [("two", EAST)])])),
        "chunk": (lambda: store.fetch([identity], OPEN),),
    }
    for name, needing in calls.items():
        (lost,) = (i for i, said in texts.items() if said.get("kind", "chunk") == name)
        row = parts.newest()[lost]
        parts.write(partial(_without, lost))
        for call in needing:
            with pytest.raises(CorruptIndexError, match=r"a part of the index is not there.*restore"):
                call()
        assert any(f"a text of record {lost.split('.')[0]}" in line for line in store.verify())
        parts.write(partial(_with, lost, row))
    assert store.verify() == []


def test_all_texts_that_are_lost_are_said_at_once(
    stores: Stores, service: Pinecone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit_connectors.pinecone.calls.POLL_S", 0.0)
    service.is_lagging = False
    store = stores.make_here(SPEC, name="ours")
    store.commit(
        [put(name, [(f"{name} one", EAST), (f"{name} two", NORTH)]) for name in ("ä", "b", "в", "d")]
    )
    parts = service.spaces["ours.parts"]
    texts = {i: json.loads(row["metadata"]["part"]) for i, row in parts.newest().items() if i[0] != "h"}

    def part(kind: str, name: str) -> str:
        return next(
            i
            for i, said in texts.items()
            if said.get("kind", "chunk") == kind
            and name in (said.get("name"), *json.loads(said.get("record", "[]"))[:1])
        )

    lost = [part("document", "ä"), part("chunk", "b"), part("state", "в")]
    for one in lost:
        parts.write(partial(_without, one))
    lines = store.verify()
    for one in lost:
        assert sum(f"a text of record {one.split('.')[0]}" in line for line in lines) == 1
    for said in (
        "'ä': its text is lost",
        "'b': 1 chunks are there, and its state says 2",
        "'в': its state is",
    ):
        assert any(f"document {said}" in line and "Restore the index from a backup" in line for line in lines)
    assert len(lines) == 6
    assert not any("'d'" in line for line in lines)


def _without(lost: str, rows: dict[str, Any]) -> None:
    del rows[lost]


def _with(found: str, row: dict[str, Any], rows: dict[str, Any]) -> None:
    rows[found] = row


def test_what_is_collected_under_a_question_is_no_damage(stores: Stores, service: Pinecone) -> None:
    """The texts of a record go after it: who has just read the record asks again."""
    service.is_lagging = False
    store, other = (stores.make_here(SPEC, name="ours") for _ in range(2))
    store.commit([put("a", [("one", EAST)])])
    whole, done = store._server._whole_texts, list[int]()

    def late(ids: Any) -> Any:
        if not done:
            done.append(other.commit([put("a", [("two", EAST), ("three", NORTH)])]))
            other.compact()
        return whole(ids)

    store._server._whole_texts = late  # type: ignore[method-assign]
    assert store.counts().chunks == 2
    assert done == [2]
