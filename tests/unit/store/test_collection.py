from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.arrays import HitBatch
from ragkit.errors import DocumentError, FilterError, QueryError, StoreError, TenantError
from ragkit.fields import parse_fields
from ragkit.protocols import Capabilities, Change, Collection, Scope, TextKind, Vectors
from ragkit.store.access import Access
from ragkit.store.bm25.formula import Bm25
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove, unit
from ragkit.testing.oracle import OracleStore
from ragkit.types import Document, QueryPlan

EAST, WEST = unit([1, 0]), unit([-1, 0])
Open = Callable[..., StoreCollection]


class Compass:
    """Texts with `west` in them point west, all others east; counts what it is asked for."""

    name, fingerprint, dimension, max_tokens = "compass", "compass-1", 2, 64

    def __init__(self, *languages: str) -> None:
        self.languages = frozenset(languages)
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        self.asked += texts
        return np.stack([WEST if "west" in text else EAST for text in texts])


class Words:
    fingerprint = "words"

    def terms(self, text: str) -> list[str]:
        return text.split()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    collections: list[StoreCollection] = []

    def open_with(*changes: Change, embedder: Compass | None = None, **declared: Any) -> StoreCollection:
        model, fields = embedder or Compass(), parse_fields(declared)
        spec = StoreSpec(model.name, embedder_fingerprint=model.fingerprint, dimension=2, fields=fields)
        store = LocalStore(path=tmp_path / str(len(collections))).open(spec)
        collections.append(StoreCollection(store, embedder=model, analyzer=Words(), fields=fields))
        collections[-1].commit(changes)
        return collections[-1]

    yield open_with
    for collection in collections:
        collection.close()


def texts(collection: StoreCollection, batch: HitBatch, plan: QueryPlan) -> list[str]:
    return [chunk.text for chunk in collection.fetch(batch.id_list(), plan) if chunk]


def test_it_is_a_collection(opened: Open) -> None:
    assert isinstance(opened(), Collection)


def test_searches_by_meaning_and_by_words(opened: Open) -> None:
    collection = opened(put("a", [("going west", WEST), ("going east", EAST)]))
    plan = collection.plan("west")
    assert texts(collection, collection.dense(["west"], 1, plan)[0], plan) == ["going west"]
    assert texts(collection, collection.bm25(["east"], 5, plan)[0], plan) == ["going east"]
    assert collection.dense([], 5, plan) == []


def test_given_vectors_spare_the_embedding(opened: Open) -> None:
    model = Compass()
    collection = opened(put("a", [("x", EAST)]), embedder=model)
    collection.dense(["west"], 1, collection.plan("west"), EAST[None])
    assert model.asked == []


def test_a_question_is_embedded_once(opened: Open) -> None:
    model = Compass()
    collection = opened(put("a", [("x", EAST)]), embedder=model)
    for _ in range(3):
        collection.dense(["west", "north"], 1, collection.plan("west"))
    assert model.asked == ["west", "north"]


def test_a_plan_pins_the_commit_for_all_its_reads(opened: Open) -> None:
    collection = opened(put("a", [("old", EAST)]))
    plan = collection.plan("x")
    collection.commit([put("a", [("new", EAST)])])
    assert texts(collection, collection.dense(["x"], 5, plan)[0], plan) == ["old"]
    assert len(collection.bm25(["new"], 5, plan)[0]) == 0
    assert texts(collection, collection.bm25(["new"], 5, collection.plan("x"))[0], collection.plan("x")) == [
        "new"
    ]


@pytest.mark.parametrize(
    "tenant", ["", " acme", "acme ", "*", "a\x00b", "a\nb", "\ud800", "x" * 257, 5, b"acme", ["acme"]]
)
def test_malformed_tenants_never_reach_the_store(opened: Open, tenant: Any) -> None:
    collection = opened(tenant="keyword!")
    collection.close()
    with pytest.raises(TenantError, match="tenant="):
        collection.plan("x", tenant=tenant)
    with pytest.raises(TenantError, match="tenant="):
        collection.dense(["x"], 1, replace(QueryPlan.of("x"), tenant=tenant), EAST[None])
    with pytest.raises(TenantError, match="tenant="):
        collection.source("a", tenant=tenant)


def test_a_required_tenant_must_be_given(opened: Open) -> None:
    collection = opened(tenant="keyword!")
    collection.close()
    reads: list[Callable[[], object]] = [
        lambda: collection.plan("x"),
        lambda: collection.bm25(["x"], 1, QueryPlan.of("x")),
        lambda: collection.fetch(["0" * 32], QueryPlan.of("x")),
        lambda: collection.vectors(["0" * 32], QueryPlan.of("x")),
        lambda: collection.source("a"),
        lambda: collection.commit([put("a", [("x", EAST)])]),
        lambda: collection.commit([remove("a")]),
    ]
    for read in reads:
        with pytest.raises(TenantError, match="requires a tenant"):
            read()


def test_a_tenant_where_none_is_declared_is_an_error(opened: Open) -> None:
    with pytest.raises(TenantError, match=r"declares no tenants.*Declare collection\.fields"):
        opened().plan("x", tenant="acme")
    with pytest.raises(TenantError, match="declares no acl"):
        opened().plan("x", acl=["staff"])


def test_an_optional_tenant_left_out_means_nobodys_documents(opened: Open) -> None:
    collection = opened(
        put("a", [("common", EAST)]), put("b", [("acmes", EAST)], tenant="acme"), tenant="keyword"
    )
    plan = collection.plan("x")
    assert texts(collection, collection.dense(["x"], 5, plan)[0], plan) == ["common"]
    plan = collection.plan("x", tenant="acme")
    assert texts(collection, collection.dense(["x"], 5, plan)[0], plan) == ["acmes"]


def test_groups_apply_to_search_and_to_sources(opened: Open) -> None:
    collection = opened(
        put("a", [("open", EAST)], acl=["staff", "all"]), put("b", [("hidden", EAST)]), acl=["keyword"]
    )
    plan = collection.plan("x", acl=["all", "other"])
    assert texts(collection, collection.dense(["x"], 5, plan)[0], plan) == ["open"]
    assert len(collection.dense(["x"], 5, collection.plan("x"))[0]) == 0
    assert collection.source("a", acl=["staff"]).text == "open"
    for document_id, acl in (("a", ["other"]), ("a", []), ("b", ["staff"]), ("nowhere", ["staff"])):
        with pytest.raises(QueryError, match=f"no document '{document_id}' here"):
            collection.source(document_id, acl=acl)
    with pytest.raises(TenantError, match="expected a list of groups"):
        collection.plan("x", acl="staff")


def test_a_source_is_its_tenants_alone(opened: Open) -> None:
    collection = opened(put("a", [("secret", EAST)], tenant="acme"), tenant="keyword!")
    assert collection.source("a", tenant="acme").text == "secret"
    with pytest.raises(QueryError, match="no document 'a' here"):
        collection.source("a", tenant="globex")


def test_filters_are_parsed_checked_and_applied(opened: Open) -> None:
    collection = opened(
        put("a", [("ru", EAST)], metadata={"lang": "ru"}),
        put("b", [("en", EAST)], metadata={"lang": "en"}),
        lang="keyword",
    )
    plan = collection.plan("x", filter={"lang": "ru"})
    assert texts(collection, collection.dense(["x"], 5, plan)[0], plan) == ["ru"]
    with pytest.raises(FilterError, match="Did you mean 'lang'"):
        collection.plan("x", filter={"long": "ru"})


def test_a_required_field_must_be_in_every_question(opened: Open) -> None:
    collection = opened(lang="keyword!")
    collection.plan("x", filter={"lang": ["ru", "en"]})
    for raw in ({}, {"not": {"lang": "ru"}}, {"or": [{"lang": "ru"}]}, {"lang": {"exists": True}}):
        with pytest.raises(FilterError, match="lang is required"):
            collection.plan("x", filter=raw)


def test_a_store_that_leaks_is_caught(opened: Open) -> None:
    class Leaky(OracleStore):
        def fetch(self, ids: Sequence[str], scope: Scope) -> list[Any]:
            return super().fetch(ids, Scope("globex", ("staff",)))

    fields = parse_fields({"tenant": "keyword!", "acl": ["keyword"]})
    spec = StoreSpec("compass", embedder_fingerprint="compass-1", dimension=2, fields=fields)
    collection = StoreCollection(Leaky(spec), embedder=Compass(), analyzer=Words(), fields=fields)
    change = put("a", [("theirs", EAST)], tenant="globex", acl=["staff"])
    collection.commit([change])
    ids = [record.chunk.id for record in change.records]
    assert collection.fetch(ids, collection.plan("x", tenant="acme", acl=["staff"])) == [None]
    assert collection.fetch(ids, collection.plan("x", tenant="globex", acl=["other"])) == [None]
    assert collection.fetch(ids, collection.plan("x", tenant="globex", acl=["staff"])) != [None]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("a", "x", metadata={"year": "2024"}), "metadata.year: '2024': expected a whole number"),
        (Document("", "x"), "its id has 0 characters"),
        (Document("i" * 5000, "x"), "its id has 5000 characters"),
        (Document("a", "half \ud800"), "its text holds half a surrogate pair"),
        (Document("a", "x", acl=("staff",)), "declares no acl"),
    ],
)
def test_documents_that_do_not_fit_are_refused_before_anything_is_written(
    opened: Open, document: Document, message: str
) -> None:
    collection = opened(year="integer")
    with pytest.raises(DocumentError, match=message):
        collection.admit(document)
    change = replace(put("a", [("x", EAST)]), document=document, records=())
    with pytest.raises(DocumentError, match=message):
        collection.commit([put("good", [("y", EAST)]), change])
    assert collection.counts().documents == 0


def test_the_detected_language_becomes_filterable(opened: Open) -> None:
    change = put("a", [("один", EAST), ("two", EAST), ("---", EAST)])
    records = [
        replace(record, chunk=replace(record.chunk, lang=lang))
        for record, lang in zip(change.records, ("ru", "en", "und"), strict=True)
    ]
    collection = opened(replace(change, records=tuple(records)), lang="keyword")
    for lang, expected in (("ru", ["один"]), ("en", ["two"])):
        plan = collection.plan("x", filter={"lang": lang})
        assert texts(collection, collection.dense(["x"], 5, plan)[0], plan) == expected


def test_what_the_embedder_knows(opened: Open) -> None:
    collection = opened(embedder=Compass("en"))
    assert collection.knows("How long does the warranty last?")
    assert collection.knows("ERR_42 max_length")
    assert not collection.knows("Сколько длится гарантия на сканер?")
    assert opened(embedder=Compass()).knows("Сколько длится гарантия на сканер?")


def test_states_and_counts(opened: Open) -> None:
    collection = opened(
        put("a", [("x", EAST)], tenant="acme"),
        quarantine("b", tenant="acme", reason="torn"),
        tenant="keyword!",
    )
    state = collection.state("b", tenant="acme")
    assert state is not None
    assert (state.state, state.stage, state.reason) == ("quarantined", "parse", "torn")
    assert [s.document_id for s in collection.states("acme")] == ["a", "b"]
    assert list(collection.states("globex")) == []
    counts = collection.counts()
    assert (counts.documents, counts.chunks, counts.tenants, counts.quarantined) == (1, 1, 1, 1)


def test_a_store_without_record_of_documents_needs_a_manifest() -> None:
    class Bare:
        capabilities = Capabilities("store/bare", filters=frozenset(), exact_dense=True, sparse=False)

    with pytest.raises(StoreError, match="store/bare keeps no record of documents"):
        StoreCollection(Bare(), embedder=Compass(), analyzer=Words())  # type: ignore[arg-type]


def test_groups_are_sorted_so_that_equal_readers_share_a_view() -> None:
    access = Access(parse_fields({"acl": ["keyword"]}))
    assert access.acl(["b", "a", "b"]) == ("a", "b")


def test_weights_of_terms_are_the_idf_of_the_tenant_that_asks(opened: Open) -> None:
    collection = opened(
        put("a", [("rare common", EAST), ("common", EAST)], tenant="acme"),
        put("b", [("rare rare", EAST), ("other", EAST), ("rare", EAST)], tenant="globex"),
        tenant="keyword!",
    )
    weights = {}
    for tenant in ("acme", "globex", "acme"):
        plan = collection.plan("?", tenant=tenant)
        weights[tenant] = collection.term_weights(["rare", "common", "absent"], plan)
    idf = Bm25().idf
    assert weights["acme"] == pytest.approx(
        {"rare": idf(2, 1), "common": idf(2, 2), "absent": idf(2, 0)}, rel=1e-5
    )
    assert weights["globex"] == pytest.approx(
        {"rare": idf(3, 2), "common": idf(3, 0), "absent": idf(3, 0)}, rel=1e-5
    )
