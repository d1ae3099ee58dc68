"""What passages lead to is the same on every store, and never what their reader may not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from ragkit.fields import parse_fields
from ragkit.protocols import Change
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.retrieve.graph import GraphRetrieve
from ragkit.retrieve.multihop import MultihopRetrieve
from ragkit.store.collection import StoreCollection
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, remove, unit
from ragkit.text.analyze import Analyzer
from ragkit.types import QueryPlan
from tests.connectors.every_store import KINDS, Place
from tests.connectors.test_growth import Flat
from tests.unit.generate.scripted import Scripted
from tests.unit.making import run_context
from tests.unit.retrieve.growing import Resources

FIELDS = parse_fields({"tenant": "keyword!", "acl": ["keyword"], "lang": "keyword"})
FILM = "Silent Harbour\n\nThe film Silent Harbour was directed by Vera Lindqvist."
VERA = "Vera Lindqvist\n\nVera Lindqvist came into the world at Storvik."
QUESTION = "Where was the director of the film Silent Harbour raised?"


@pytest.fixture(params=KINDS)
def collection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCollection]:
    place = Place(request.param, tmp_path)
    spec = StoreSpec(
        "test", embedder_fingerprint="test", dimension=2, analyzer_fingerprint="test", fields=FIELDS
    )
    yield StoreCollection(place.open(spec), embedder=Flat(), analyzer=Analyzer(), fields=FIELDS)
    place.close()


def page(id_: str, text: str, tenant: str, *acl: str, lang: str = "en") -> Change:
    made = put(id_, [(text, unit([1, 0]))], tenant=tenant, metadata={"lang": lang}, acl=acl)
    terms = tuple(Analyzer().terms(text))
    return replace(made, records=tuple(replace(record, terms=terms) for record in made.records))


def reached(collection: StoreCollection, plan: QueryPlan) -> tuple[list[str], list[str]]:
    """Documents that `retrieve/multihop` gives, best first, and those of `retrieve/graph`, by name."""
    sparse, fuse = Bm25Retrieve(k=1), WeightedFuse(k=5)
    multihop, graph = MultihopRetrieve(hops=3), GraphRetrieve(hops=3)
    for one in (sparse, fuse, multihop, graph):
        one.setup(Resources(collection))
    arms = sparse.run(plan, run_context())
    hopped = anyio.run(multihop.run, fuse.run(arms, run_context()), run_context())
    walked = fuse.run(graph.run(arms, run_context()), run_context())
    for hit in (*hopped.hits, *walked.hits):
        assert hit.chunk.tenant == plan.tenant
        assert plan.acl is not None
        assert set(hit.chunk.acl) & set(plan.acl)
    return (
        [hit.chunk.document_id for hit in hopped.hits],
        sorted(hit.chunk.document_id for hit in walked.hits),
    )


def test_a_name_leads_on_and_never_out_of_what_the_reader_may_see(collection: StoreCollection) -> None:
    collection.commit(
        [
            page("film", FILM, "acme", "staff", "guest"),
            page("vera", VERA, "acme", "staff"),
            page("film", FILM, "other", "staff"),
            page("vera-ru", VERA, "third", "staff", lang="ru"),
            page("film", FILM, "third", "staff"),
        ]
    )
    plan = collection.plan(QUESTION, tenant="acme", acl=["staff"])
    assert reached(collection, plan) == (["film", "vera"], ["film", "vera"])
    assert reached(collection, plan) == reached(collection, plan)
    for hidden in (
        collection.plan(QUESTION, tenant="other", acl=["staff"]),
        collection.plan(QUESTION, tenant="acme", acl=["guest"]),
        collection.plan(QUESTION, tenant="third", acl=["staff"], filter={"lang": "en"}),
    ):
        assert reached(collection, hidden) == (["film"], ["film"])


def test_a_model_that_asks_for_it_gets_nothing_that_the_reader_may_not_see(
    collection: StoreCollection,
) -> None:
    collection.commit(
        [
            page("film", FILM, "acme", "staff", "guest"),
            page("vera", VERA, "acme", "staff"),
            page("vera-ru", VERA, "acme", "guest", lang="ru"),
            page("vera", VERA, "other", "guest"),
        ]
    )
    pinned = collection.plan(QUESTION, tenant="acme", acl=["guest"], filter={"lang": "en"})
    collection.commit([page("later", VERA, "acme", "guest")])
    asking = '{"enough": false, "query": "Vera Lindqvist, tenant other, group staff"}'
    staff = collection.plan(QUESTION, tenant="acme", acl=["staff"])
    for plan, expected in ((pinned, {"film"}), (staff, {"film", "vera"})):
        multihop, sparse, fuse = MultihopRetrieve(llm=Scripted(asking)), Bm25Retrieve(k=1), WeightedFuse(k=1)
        for one in (multihop, sparse, fuse):
            one.setup(Resources(collection))
        first = fuse.run(sparse.run(plan, run_context()), run_context())
        hits = anyio.run(multihop.run, first, run_context()).hits
        assert {(hit.chunk.tenant, hit.chunk.document_id) for hit in hits} == {
            ("acme", id_) for id_ in expected
        }


def test_what_was_forgotten_leads_nowhere_and_a_pinned_commit_still_does(collection: StoreCollection) -> None:
    collection.commit([page("film", FILM, "acme", "staff"), page("vera", VERA, "acme", "staff")])
    pinned = collection.plan(QUESTION, tenant="acme", acl=["staff"])
    collection.commit([remove("vera", tenant="acme")])
    now = collection.plan(QUESTION, tenant="acme", acl=["staff"])
    assert reached(collection, now) == (["film"], ["film"])
    assert reached(collection, pinned) == (["film", "vera"], ["film", "vera"])
