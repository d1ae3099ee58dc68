"""Pinecone under faults, lagging copies, killed writers, questions across tenants and strange texts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Scope
from ragkit.store.remote import head as heads
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, spec_of, texts
from tests.connectors.faulty import FaultChecks, HistoryChecks
from tests.connectors.guarded import TenantChecks
from tests.connectors.injected import InjectionChecks
from tests.connectors.killed import KillChecks
from tests.connectors.loopback import Fault, Refusal, Request
from tests.connectors.workload import SPEC, document, seen, texts_of

pytest.importorskip("httpx", reason="needs the extra pinecone")
from ragkit_connectors import http_calls
from ragkit_connectors.pinecone import calls
from tests.connectors.pinecone.server.service import done_and_unavailable, limited, unavailable
from tests.connectors.pinecone.server.space import Space
from tests.connectors.pinecone.stores import Stores


class OfPinecone:
    """What the checks of imitated servers need to know."""

    kind = Stores
    loud: ClassVar[tuple[Fault, ...]] = (unavailable, limited, done_and_unavailable)

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_calls, "FIRST_WAIT_S", 0.001)
        monkeypatch.setattr(calls, "POLL_S", 0.001)


class TestFaults(OfPinecone, FaultChecks):
    """All kinds of them, with copies that lag."""

    first_write = 6  # after two canaries

    def is_search(self, request: Request) -> bool:
        return request.path == "/query" and b"filter" in request.body


class TestFaultsWithNamespaces(OfPinecone, HistoryChecks):
    """A namespace for each tenant."""

    settings: ClassVar[dict[str, Any]] = {"tenancy": "namespaces"}


class TestKill(OfPinecone, KillChecks):
    """SIGKILL."""

    use = "store/pinecone"

    def place(self, url: str) -> dict[str, Any]:
        return {"host": url}


class TestTenants(OfPinecone, TenantChecks):
    """A server that leaves filters out."""

    def forget(self, request: Request) -> None:
        if request.path in ("/query", "/vectors/fetch_by_metadata") and b".chunks" in request.body:
            body = json.loads(request.body)
            if "filter" in body:
                body["filter"] = {"begun": {"$gte": 0}}
                request.body = json.dumps(body).encode()


class TestTenantsApart(TestTenants):
    """A namespace for each tenant."""

    settings: ClassVar[dict[str, Any]] = {"tenancy": "namespaces"}


class TestInjection(OfPinecone, InjectionChecks):
    """Texts that are filters."""


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    OfPinecone().hasten(monkeypatch)
    made = Stores()
    yield made
    made.close()


def test_a_commit_is_seen_whole_from_the_moment_it_is_reported(stores: Stores) -> None:
    """By a process that wrote nothing, whatever copy answers: it waits for what the commit needs."""
    writer = stores.make_here(SPEC)
    reader = stores.make_here(SPEC, name=writer.config.name)
    for version in range(3):
        writer.commit([document(name, version) for name in "ab"])
        assert seen(reader) == texts_of(*(document(name, version) for name in "ab"))


def test_a_copy_that_never_gets_there_is_told(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.make_here(SPEC, timeout_s=1)
    store.commit([document("a", 1)])
    monkeypatch.setattr(Space, "_follow", lambda *_: None)
    with pytest.raises(
        TransientStoreError, match=r"written to namespace .* cannot be fetched yet. Try again, or rai"
    ):
        store.commit([document("a", 2)])
    monkeypatch.undo()
    OfPinecone().hasten(monkeypatch)
    assert seen(store) == texts_of(document("a", 1))


def test_an_upsert_of_which_a_part_fails_leaves_nothing_behind(stores: Stores) -> None:
    """Long texts are parts, and several requests: the last of them is refused."""
    store = stores.make_here(SPEC)
    store.commit([document("a", 1)])
    long = document("a", 2)
    usual = stores.service.answer

    def full(request: Request) -> Any:
        if request.path == "/vectors/upsert" and b".chunks" in request.body[-200:]:
            raise Refusal(400, {"code": 3, "message": "quota", "details": []})
        return usual(request)

    stores.service.answer = full  # type: ignore[method-assign]
    with pytest.raises(StoreError, match=r"the server refuses \(HTTP 400: quota\)"):
        store.commit([long])
    stores.service.answer = usual  # type: ignore[method-assign]
    assert seen(store) == texts_of(document("a", 1))
    store.commit([document("a", 3)])
    store.compact()
    assert seen(store) == texts_of(document("a", 3))
    parts = stores.service.spaces[store.config.parts].newest()
    assert not any("version 2" in row["metadata"]["part"] for row in parts.values()) or len(parts) < 40


def test_texts_beyond_forty_kilobytes_come_back_whole(stores: Stores) -> None:
    """In pieces that cut no character, of chunks and of documents."""
    store = stores.make_here(spec_of())
    text = "слово и wörd 😀 " * 6000
    store.commit([put("long", [(text.strip(), EAST)])])
    (found,) = store.search(EAST[None], 1, Scope())[0].id_list()
    assert texts(store, [found]) == [text.strip()]
    source = store.source("", "long")
    assert source is not None
    assert source.text == text.strip()
    assert store.verify() == []


def test_metadata_beyond_the_limit_is_refused_and_nothing_is_written(stores: Stores) -> None:
    store, rng = stores.make_here(spec_of()), random.Random(1)
    note = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))  # not to be compressed
    with pytest.raises(
        StoreError, match=r"chunk of document 'wide' take [\d,]+ bytes, and Pinecone takes 40"
    ):
        store.commit([put("wide", [("one", EAST)], metadata={"note": note})])
    assert store.counts().chunks == 0
    store.commit([put("narrow", [("one", EAST)], metadata={"note": "x" * 20_000})])
    assert store.counts().chunks == 1


def test_a_writer_that_slept_while_states_were_cleaned_changes_nothing(stores: Stores) -> None:
    """Its state takes a number that was deleted, below the one that holds: nobody ever reads it."""
    store = stores.make_here(SPEC)
    late = stores.make_here(SPEC, name=store.config.name)
    asleep = late._server.heads.current()
    assert asleep is not None
    payload = late._server.heads.payload(asleep)
    for version in range(8):
        store.commit([document("a", version)])
    assert late._server.heads.change(asleep.number + 1, {**payload, "number": 77})
    for reader in (store, late, stores.make_here(SPEC, name=store.config.name)):
        assert reader.head() == 8
        assert seen(reader) == texts_of(document("a", 7))
    assert heads.read(late._server).number == 8
    assert len(store._server.heads.numbers()) < 30
