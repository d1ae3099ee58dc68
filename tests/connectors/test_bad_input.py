"""What nobody should send, on every store: the same answer or typed error, and nothing half-written."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragkit import registry
from ragkit.errors import ConfigError, FilterError, StoreError, TransientStoreError
from ragkit.filters import And, Eq, Filter, Gte, In, Lt, Not, Or, matches
from ragkit.protocols import Change, Scope
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from tests.connectors.every_store import KINDS, SERVERS, Place

SPEC = spec_of()
GUARDED = spec_of(tenant="keyword!", acl=["keyword"])


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = Place(request.param, tmp_path / "index")
    yield made
    made.close()


def hits(store: Any, scope: Scope = OPEN, k: int = 100) -> list[str]:
    found: list[str] = store.search(EAST[None], k, scope)[0].id_list()
    return found


# --- the server -------------------------------------------------------------------------------------


def unopened(kind: str, address: str) -> Any:
    names = {"pgvector": "dsn", "opensearch": "hosts", "milvus": "uri", "pinecone": "host"}
    name = names.get(kind, "url")
    waits: dict[str, dict[str, Any]] = {"pgvector": {"connect_timeout_s": 2}, "milvus": {"timeout_s": 2}}
    more = waits.get(kind, {"attempts": 1})
    return registry.load(f"store/{kind}")(**{name: [address] if kind == "opensearch" else address, **more})


@pytest.mark.parametrize("address", ["localhost", "ftp://localhost:1", "", "a b c", "http://"])
@pytest.mark.parametrize("kind", SERVERS)
def test_what_is_no_address(kind: str, address: str) -> None:
    with pytest.raises(ConfigError, match=r"expected http://HOST|Expected postgresql://|hosts: "):
        unopened(kind, address).open(SPEC)


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_is_not_there(kind: str) -> None:
    address = ("postgresql://rag@" if kind == "pgvector" else "http://") + "127.0.0.1:9"
    with pytest.raises(TransientStoreError, match=r"cannot be reached.*Check that the server runs"):
        unopened(kind, address).open(SPEC)


# --- what an index was made with --------------------------------------------------------------------


def test_an_index_is_opened_as_it_was_made(place: Place) -> None:
    place.open(SPEC).commit([put("a", [("one", EAST)])])
    others = (
        replace(SPEC, dimension=3),
        replace(SPEC, embedder_fingerprint="other"),
        replace(SPEC, analyzer_fingerprint="other"),
        spec_of(year="keyword"),
        spec_of(tenant="keyword!"),
    )
    for spec in others:
        with pytest.raises(ConfigError, match="this index was made with"):
            place.open(spec)
    assert place.open(SPEC).counts().chunks == 1


def test_a_closed_store_refuses(place: Place) -> None:
    store = place.open(SPEC)
    place._close_opened()
    with pytest.raises(StoreError, match=r"was closed|is closed"):
        store.search(EAST[None], 1, OPEN)


# --- texts ------------------------------------------------------------------------------------------


NAMES = {
    "10 kB": "x" * 10_000,
    "20 kB in UTF-8": "é" * 10_000,
    "NUL": "a\0b",
    "path": "../../etc",
    "SQL": "a'; DROP TABLE chunks; --",
    "JSON": '{"must": [], "query": {}}',
    "pattern": "*",
    "reserved": "_all",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_text_names_a_document(place: Place, name: str) -> None:
    store = place.open(SPEC)
    store.commit([put(name, [("one \0 text", EAST)], metadata={"note": name})])
    (chunk,) = store.fetch(hits(store, Scope(filter=Eq("note", name))), OPEN)
    assert (chunk.document_id, chunk.text, chunk.metadata["note"]) == (name, "one \0 text", name)
    assert store.state("", name).document_id == store.source("", name).id == name
    assert [s.document_id for s in store.at_uri("", f"test://{name}")] == [name]
    assert store.verify() == []


HALF = "x\ud800"
HALVES: dict[str, Change] = {
    "text": put("b", [(HALF, NORTH)]),
    "name": put(HALF, [("x", NORTH)]),
    "field": put("b", [("x", NORTH)], metadata={HALF: "x"}),
    "value": put("b", [("x", NORTH)], metadata={"note": HALF}),
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_half_a_surrogate_pair_is_refused_and_nothing_is_written(place: Place, half: Change) -> None:
    store = place.open(SPEC)
    store.commit([put("a", [("old", EAST)])])
    with pytest.raises(StoreError, match=r"half a surrogate pair, which no encoding can carry. Remove it"):
        store.commit([put("a", [("new", EAST)]), half])
    assert texts(store, hits(store)) == ["old"]
    assert store.verify() == []


@pytest.mark.parametrize(("tenant", "group"), [(HALF, "g"), ("t", HALF)], ids=["tenant", "group"])
def test_half_a_surrogate_pair_is_nobody(place: Place, tenant: str, group: str) -> None:
    store = place.open(GUARDED)
    store.commit([put("a", [("old", EAST)], tenant="t", acl=["g"])])
    with pytest.raises(StoreError, match="half a surrogate pair"):
        store.commit([put("b", [("new", EAST)], tenant=tenant, acl=[group])])
    assert hits(store, Scope(tenant, (group,))) == []
    assert store.search_terms([["old", HALF]], 5, Scope(tenant, (group,)))[0].id_list() == []
    assert hits(store, Scope("t", ("g",), Eq("lang", HALF))) == []
    assert list(store.states(HALF)) == []
    assert len(store.search_terms([["old", HALF]], 5, Scope("t", ("g", HALF)))[0]) == 1


def test_a_tenant_that_is_too_long_is_refused_and_nothing_is_written(place: Place) -> None:
    store = place.open(GUARDED)
    for tenant in ("t" * 2_049, "я" * 1_025, "t" * 40_000):
        with pytest.raises(StoreError, match=r"bytes, and a store takes at most 2,048. Name it by an id"):
            store.commit([put("a", [("one", EAST)], tenant=tenant, acl=["g"])])
    assert (store.head(), store.counts().chunks) == (0, 0)
    rng = random.Random(20)
    # Of letters that no compression makes shorter, beside a word that is as long as an index takes.
    tenant, word = ("".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(n)) for n in (682, 170))
    store.commit([put("a", [(f"one {word}", EAST)], tenant=tenant, acl=["g"])])
    assert len(hits(store, Scope(tenant, ("g",)))) == 1
    assert len(store.search_terms([[word]], 5, Scope(tenant, ("g",)))[0]) == 1


# --- metadata ---------------------------------------------------------------------------------------


def test_metadata_may_have_the_names_that_a_server_uses(place: Place) -> None:
    asked = ("_id", "from", "to", "k", "r", "a.b", "fields", "row")
    others = ("_source", "pid", "dense", "weights", "_x", "acl", "tenant", "id", "a[]", "text")
    metadata = dict.fromkeys((*asked, *others), "x")
    store = place.open(spec_of(**dict.fromkeys(asked, "keyword")))
    store.commit([put("a", [("one", EAST)], metadata=metadata), put("b", [("two", EAST)])])
    for name in asked:
        (chunk,) = store.fetch(hits(store, Scope(filter=Eq(name, "x"))), OPEN)
        assert dict(chunk.metadata) == metadata


def test_a_field_may_hold_values_of_several_types(place: Place) -> None:
    """No type is guessed from what comes first."""
    store = place.open(spec_of(mixed="keyword"))
    values: list[Any] = [1, "one", True, [1, "two"], 1.5, None, "1"]
    for i, value in enumerate(values):
        store.commit([put(f"d{i}", [(f"t{i}", EAST)], metadata={"mixed": value, "free": value})])
    assert store.counts().chunks == len(values)
    for wanted in ("one", "two", "1", "True", "1.5"):
        expected = [f"t{i}" for i, v in enumerate(values) if matches(Eq("mixed", wanted), {"mixed": v})]
        assert texts(store, hits(store, Scope(filter=Eq("mixed", wanted)))) == expected


# --- questions --------------------------------------------------------------------------------------


def test_an_unknown_field_is_an_error_and_never_everything(place: Place) -> None:
    store = place.open(SPEC)
    for wanted in (Eq("nowhere", "x"), Not(Eq("nowhere", "x")), Or((Eq("lang", "en"), Eq("tenants", "x")))):
        for ask, given in ((store.search, EAST[None]), (store.search_terms, [["one"]])):
            with pytest.raises(FilterError, match=r"(nowhere|tenants): unknown field"):
                ask(given, 1, Scope(filter=wanted))


def test_a_commit_that_never_was_is_refused(place: Place) -> None:
    with pytest.raises(StoreError, match="commit 7 does not exist; the current one is 0"):
        place.open(SPEC).search(EAST[None], 1, Scope(commit=7))


def test_another_ranker_is_refused_where_the_server_counts(tmp_path: Path) -> None:
    for kind in SERVERS:
        store = unopened(kind, "postgresql://x@127.0.0.1:9" if kind == "pgvector" else "http://127.0.0.1:9")
        with pytest.raises(ConfigError, match=r"ranks by bm25/default.*Set collection.bm25.use"):
            store.open(SPEC, bm25=object())


def nested(depth: int) -> Filter:
    wanted: Filter = Eq("year", 1)
    for i in range(depth):
        wanted = Not(And((wanted, Gte("year", 0)))) if i % 2 else Or((wanted, Lt("price", -1.0)))
    return wanted


WIDE: dict[str, Filter] = {
    "deep": nested(45),
    "40,000 alternatives": Or(tuple(Eq("lang", f"l{i}") for i in range(40_000))),
    "70,000 values": In("lang", tuple(f"l{i}" for i in range(70_000))),
    "20,000 ranges": Or(tuple(Lt("year", 3 - i) for i in range(20_000))),
    "no alternative": Or(()),
}


@pytest.mark.parametrize("wanted", WIDE.values(), ids=WIDE)
def test_a_filter_beyond_a_servers_limits_holds_as_it_says(place: Place, wanted: Filter) -> None:
    store = place.open(SPEC)
    metadata: list[dict[str, Any]] = [{"year": i % 3, "lang": f"l{i}" if i % 2 else "x"} for i in range(12)]
    store.commit([put(f"d{i}", [(f"t{i}", EAST)], metadata=m) for i, m in enumerate(metadata)])
    expected = {f"t{i}" for i, m in enumerate(metadata) if matches(wanted, m)}
    assert set(texts(store, hits(store, Scope(filter=wanted)))) == expected
    (found,) = store.search_terms([[f"t{i}" for i in range(12)]], 100, Scope(filter=wanted))
    assert set(texts(store, found.id_list())) == expected
