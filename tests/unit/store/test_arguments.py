"""Whatever is given to a collection or a store, the answer is data or one of our errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import DocumentError, FilterError, QueryError, StoreError, TenantError
from ragkit.fields import parse_fields
from ragkit.filters import Eq, In, Not
from ragkit.protocols import Scope
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, remove, unit
from ragkit.types import Document, Section, Turn
from tests.hostile import DEEP, Unwritable
from tests.unit.store.test_collection import EAST, WEST, Compass, Words

FIELDS = parse_fields({"tenant": "keyword", "acl": ["keyword"], "lang": "keyword"})
NO_TEXTS: list[Any] = [None, 5, 10**5000, DEEP, [5], [None], [["a"]], "ab", b"ab", iter(["a"]), {"a"}]
HISTORIES: list[Any] = [5, "hi", [5], [("user", "hi")], [Turn("user", 5)], DEEP, 10**5000]  # type: ignore[arg-type]
NO_KS: list[Any] = [0, -1, True, None, 1.0, "1", [1], DEEP, -(10**5000), Unwritable()]
NO_TEXT: list[Any] = [None, 5, 10**5000, DEEP, b"a", ["a"], Unwritable()]


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[StoreCollection]:
    spec = StoreSpec("compass", embedder_fingerprint="compass-1", dimension=2, fields=FIELDS)
    store = LocalStore(path=tmp_path / "index").open(spec)
    opened = StoreCollection(store, embedder=Compass(), analyzer=Words(), fields=FIELDS)
    opened.commit([put("a", [("going west", WEST), ("going east", EAST)], acl=["staff"])])
    yield opened
    opened.close()


@pytest.mark.parametrize("k", NO_KS, ids=range(len(NO_KS)))
def test_k_is_a_whole_number_from_one(collection: StoreCollection, k: Any) -> None:
    plan = collection.plan("west", acl=["staff"])
    for arm in (collection.dense, collection.bm25):
        with pytest.raises(QueryError, match=r"k=.*: expected a whole number, at least 1"):
            arm(["west"], k, plan)
    with pytest.raises(QueryError, match="k="):
        collection.store.search(WEST[None], k, Scope("", ("staff",)))


@pytest.mark.parametrize("k", [2, np.int64(2), 50_000_000, 10**5000], ids=["2", "numpy", "5e7", "1e5000"])
def test_a_k_beyond_all_chunks_gives_all_at_once(collection: StoreCollection, k: int) -> None:
    plan, start = collection.plan("west", acl=["staff"]), time.perf_counter()
    (by_meaning,), (by_words,) = collection.dense(["west"], k, plan), collection.bm25(["going"], k, plan)
    assert (len(by_meaning), len(by_words)) == (2, 2)
    assert time.perf_counter() - start < 1
    nobody = collection.plan("west", acl=["nobody"])
    assert len(collection.dense(["west"], k, nobody)[0]) == 0


def test_any_k_finds_nothing_in_an_empty_index(tmp_path: Path) -> None:
    spec = StoreSpec("compass", embedder_fingerprint="compass-1", dimension=2)
    store = LocalStore(path=tmp_path / "empty").open(spec)
    assert [len(batch) for batch in store.search(WEST[None], 5, Scope())] == [0]
    assert [len(batch) for batch in store.search_terms([["west"]], 5, Scope())] == [0]
    store.close()


@pytest.mark.parametrize("texts", NO_TEXTS, ids=range(len(NO_TEXTS)))
def test_texts_ids_and_terms_are_lists_of_texts(collection: StoreCollection, texts: Any) -> None:
    plan = collection.plan("west", acl=["staff"])
    with pytest.raises(QueryError, match=r"texts=.*: expected a list of texts"):
        collection.dense(texts, 5, plan)
    with pytest.raises(QueryError, match="texts="):
        collection.bm25(texts, 5, plan)
    for read in (collection.fetch, collection.vectors):
        with pytest.raises(QueryError, match=r"ids=.*: expected a list of texts"):
            read(texts, plan)
    with pytest.raises(QueryError, match="terms="):
        collection.term_weights(texts, plan)


@pytest.mark.parametrize(
    "vectors",
    [5, "west", [[0.0, 1.0]], WEST, EAST[None, :1], np.stack([WEST, EAST]), np.array([["a", "b"]]), DEEP],
)
def test_given_vectors_are_one_row_for_each_text(collection: StoreCollection, vectors: Any) -> None:
    plan = collection.plan("west", acl=["staff"])
    with pytest.raises(QueryError, match=r"vectors: .*: expected an array of floats of shape \[1, 2\]"):
        collection.dense(["west"], 5, plan, vectors)


@pytest.mark.parametrize("vectors", [5, [[0.0, 1.0]], WEST, np.array([["a", "b"]])])
def test_a_store_compares_vectors_alone(collection: StoreCollection, vectors: Any) -> None:
    with pytest.raises(StoreError, match=r"query vectors: .*expected"):
        collection.store.search(vectors, 5, Scope("", ("staff",)))


@pytest.mark.parametrize("name", NO_TEXT, ids=range(len(NO_TEXT)))
def test_a_document_is_asked_for_by_text(collection: StoreCollection, name: Any) -> None:
    with pytest.raises(QueryError, match=r"document_id=.*: expected text"):
        collection.source(name, acl=["staff"])
    with pytest.raises(QueryError, match="document_id="):
        collection.state(name)


def test_nothing_is_known_under_half_a_surrogate_pair(collection: StoreCollection) -> None:
    assert collection.state("\ud800") is None
    with pytest.raises(QueryError, match=r"no document '\\ud800' here"):
        collection.source("\ud800", acl=["staff"])


def test_a_hidden_document_does_not_hide_another_of_its_uri(collection: StoreCollection) -> None:
    hidden, seen = put("hidden", [("x", EAST)], acl=["boss"]), put("seen", [("y", EAST)], acl=["staff"])
    for change in (hidden, seen):
        assert change.document is not None
        document = replace(change.document, uri="wiki://page")
        collection.commit([replace(change, state=replace(change.state, uri=document.uri), document=document)])
    assert collection.source("wiki://page", acl=["staff"]).id == "seen"
    assert collection.source("wiki://page", acl=["boss"]).id == "hidden"
    with pytest.raises(QueryError, match="no document 'wiki://page' here"):
        collection.source("wiki://page", acl=["guest"])


@pytest.mark.parametrize("tenant", [0, False, 0.0, [], {}, (), b"", None])
def test_only_an_empty_text_is_no_tenant(collection: StoreCollection, tenant: Any) -> None:
    document, removal = put("b", [("x", EAST)], acl=["staff"]), remove("a")
    for change in (document, removal):
        wrong = replace(change, state=replace(change.state, tenant=tenant))
        if tenant is None:
            with pytest.raises(StoreError, match="of tenant None: expected text"):
                collection.commit([wrong])
        else:
            with pytest.raises(TenantError, match="tenant="):
                collection.commit([wrong])
    assert [state.document_id for state in collection.states()] == ["a"]


@pytest.mark.parametrize("history", HISTORIES, ids=range(len(HISTORIES)))
def test_a_history_is_a_list_of_turns(collection: StoreCollection, history: Any) -> None:
    with pytest.raises(QueryError, match=r"history=.*: expected a list of ragkit\.Turn"):
        collection.plan("west", acl=["staff"], history=history)


def test_a_plan_has_its_groups_as_they_are_compared(collection: StoreCollection) -> None:
    assert collection.plan("west", acl=["b", "a", "b"]).acl == ("a", "b")
    assert collection.plan("west").acl == ()
    assert len(collection.dense(["west"], 5, collection.plan("west"))[0]) == 0


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (Document(5, "x"), "id=5: expected text"),  # type: ignore[arg-type]
        (Document("a", DEEP), "text=a list that cannot be written out: expected text"),  # type: ignore[arg-type]
        (Document("a", "x", uri=5), "uri=5: expected text or None"),  # type: ignore[arg-type]
        (Document("a", "x", metadata=None), "metadata=None: expected a mapping"),  # type: ignore[arg-type]
        (Document("a", "x", acl=0), "acl=0: expected a list of groups"),  # type: ignore[arg-type]
        (Document("a", "x", pages=5), "pages=5: expected a list of Span"),  # type: ignore[arg-type]
        (Document("a", "x", blocks=(1,)), r"blocks=\(1,\): expected a list of Span"),  # type: ignore[arg-type]
        (Document("a", "x", sections=(Section(5, span=None, level=1),)), "sections="),  # type: ignore[arg-type]
    ],
)
def test_a_document_of_other_types_is_refused(
    collection: StoreCollection, document: Document, reason: str
) -> None:
    with pytest.raises(DocumentError, match=reason):
        collection.admit(document)


SCOPES: list[tuple[Any, type[Exception], str]] = [
    (Scope(5, ("staff",)), TenantError, "tenant=5: expected text"),  # type: ignore[arg-type]
    (Scope(["acme"], ("staff",)), TenantError, r"tenant=\['acme'\]: expected text"),  # type: ignore[arg-type]
    (Scope("", ["staff"]), TenantError, r"acl=\['staff'\]: expected a tuple of groups"),  # type: ignore[arg-type]
    (Scope("", "staff"), TenantError, "acl='staff': expected a tuple"),  # type: ignore[arg-type]
    (Scope("", iter(["staff"])), TenantError, "acl=.*: expected a tuple"),  # type: ignore[arg-type]
    (Scope("", (5,)), TenantError, "acl=.*: expected a tuple"),  # type: ignore[arg-type]
    (Scope("", ("staff",), {"lang": "en"}), FilterError, "is not a filter"),  # type: ignore[arg-type]
    (Scope("", ("staff",), In("lang", ["en"])), FilterError, "expected a tuple"),  # type: ignore[arg-type]
    (Scope("", ("staff",), Not(Eq("tenant", "x"))), FilterError, "tenant"),
    (Scope("", ("staff",), None, "1"), StoreError, "commit '1': expected a whole number"),  # type: ignore[arg-type]
    (Scope("", ("staff",), None, -1), StoreError, "commit -1: expected a whole number"),
    (
        Scope("", ("staff",), None, 10**5000),
        StoreError,
        "of digits does not exist",
    ),
]


@pytest.mark.parametrize(("scope", "error", "words"), SCOPES, ids=range(len(SCOPES)))
def test_a_store_refuses_a_malformed_scope(
    collection: StoreCollection, scope: Scope, error: type[Exception], words: str
) -> None:
    store = collection.store
    for read in (
        lambda: store.search(unit([1, 0])[None], 5, scope),
        lambda: store.fetch(["0" * 32], scope),
        lambda: store.vectors(["0" * 32], scope),
    ):
        with pytest.raises(error, match=words):
            read()


def test_a_removal_is_of_a_document_named_by_text(collection: StoreCollection) -> None:
    wrong = remove("a")
    for name in (5, DEEP, None):
        state = replace(wrong.state, document_id=name)  # type: ignore[arg-type]
        with pytest.raises(StoreError, match="expected text for its id and its tenant"):
            collection.commit([replace(wrong, state=state)])
