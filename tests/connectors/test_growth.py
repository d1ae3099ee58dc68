"""Passages grow the same on every store, into what their reader may see, as it was when they were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragkit.fields import parse_fields
from ragkit.protocols import Change, DocumentState, Record, TextKind, Vectors
from ragkit.retrieve.auto_merge import AutoMergeRetrieve
from ragkit.retrieve.growth import Growth
from ragkit.retrieve.parent import ParentRetrieve
from ragkit.retrieve.window import WindowRetrieve
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import content_hash
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import remove, unit
from ragkit.text.analyze import Analyzer
from ragkit.types import Document, Hit, QueryPlan, Ranking
from tests.connectors.every_store import KINDS, Place
from tests.unit.making import run_context
from tests.unit.retrieve.growing import Around, Resources, cut, markdown

FIELDS = parse_fields({"tenant": "keyword!", "acl": ["keyword"], "lang": "keyword"})
OLD = markdown(
    "# Guide\n\n## Warranty\n\nIt lasts two years. The batteries have one year of it. "
    "There is none at all for the glass. You can ask us for more about this.\n\n"
    "## Возврат\n\nТовар можно вернуть в течение двух недель. Сохраните чек и упаковку. Это бесплатно.\n"
)
NEW = replace(OLD, text=OLD.text.replace("two years", "ten years"))
STAGES: Sequence[Growth] = (
    WindowRetrieve(sentences=1), ParentRetrieve(tokens=60), AutoMergeRetrieve(tokens=60, share=0.3)
)  # fmt: skip


class Flat:
    """An embedder for which all texts are the same."""

    name, fingerprint, dimension, max_tokens = "flat", "test", 2, 64
    languages: frozenset[str] = frozenset()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        return np.stack([unit([1, 0]) for _ in texts])


@pytest.fixture(params=KINDS)
def collection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCollection]:
    place = Place(request.param, tmp_path)
    spec = StoreSpec(
        "test", embedder_fingerprint="test", dimension=2, analyzer_fingerprint="test", fields=FIELDS
    )
    yield StoreCollection(place.open(spec), embedder=Flat(), analyzer=Analyzer(), fields=FIELDS)
    place.close()


def put(document: Document, tenant: str, *acl: str) -> Change:
    own = replace(document, acl=acl)
    chunks = cut(own, 16, tenant)
    state = DocumentState(
        own.id, tenant=tenant, uri=None, content_hash=content_hash(own), fingerprint="test",
        state="committed", n_chunks=len(chunks),
    )  # fmt: skip
    records = tuple(Record(c, unit([1, c.ordinal]), tuple(c.text.split())) for c in chunks)
    return Change(state, document=own, records=records)


def found(collection: StoreCollection, change: Change, plan: QueryPlan) -> Ranking:
    """Every second chunk that the plan may see."""
    ids = [record.chunk.id for record in change.records][::2]
    seen = [chunk for chunk in collection.fetch(ids, plan) if chunk is not None]
    return Ranking(plan, tuple(Hit(chunk, 1.0 / (1 + n)) for n, chunk in enumerate(seen)))


def grown(stage: Growth, collection: StoreCollection | Around, ranking: Ranking) -> Ranking:
    stage.setup(Resources(collection))
    return stage.run(ranking, run_context())


def test_passages_grow_as_they_do_without_a_store(collection: StoreCollection) -> None:
    change = put(OLD, "acme", "staff")
    collection.commit([change])
    plan = collection.plan("?", tenant="acme", acl=["staff"])
    ranking = found(collection, change, plan)
    assert change.document is not None
    for stage in STAGES:
        passages = grown(stage, collection, ranking)
        assert passages == grown(stage, Around(change.document), ranking)
        assert passages != ranking


def test_a_document_that_was_replaced_or_forgotten_grows_as_it_was_found(collection: StoreCollection) -> None:
    change = put(OLD, "acme", "staff")
    collection.commit([change, put(OLD, "other", "staff")])
    plan = collection.plan("?", tenant="acme", acl=["staff"])
    before = [grown(stage, collection, found(collection, change, plan)) for stage in STAGES]
    collection.commit([put(NEW, "acme", "staff")])
    after = [grown(stage, collection, found(collection, change, plan)) for stage in STAGES]
    collection.commit([remove(OLD.id, tenant="acme")])
    gone = [grown(stage, collection, found(collection, change, plan)) for stage in STAGES]
    assert before == after == gone
    assert "ten years" not in " ".join(hit.chunk.text for one in gone for hit in one.hits)


def test_nobody_grows_a_passage_into_what_he_may_not_see(collection: StoreCollection) -> None:
    change = put(OLD, "acme", "staff")
    collection.commit([change, put(NEW, "other", "staff")])
    ranking = found(collection, change, collection.plan("?", tenant="acme", acl=["staff"]))
    for plan in (
        collection.plan("?", tenant="other", acl=["staff"]),
        collection.plan("?", tenant="acme", acl=["guest"]),
    ):
        # Hits that came from elsewhere, such as a cache that mixed up its readers.
        stolen = Ranking(plan, ranking.hits)
        assert [grown(stage, collection, stolen) for stage in STAGES] == [stolen] * len(STAGES)


def test_a_filter_by_detected_language_bounds_growth(collection: StoreCollection) -> None:
    change = put(OLD, "acme", "staff")
    collection.commit([change])
    plan = collection.plan("?", tenant="acme", acl=["staff"], filter={"lang": "en"})
    ranking = found(collection, change, plan)
    assert 0 < len(ranking.hits) < len(change.records)
    (whole,) = grown(ParentRetrieve(tokens=500), collection, ranking).hits
    assert whole.chunk.text.endswith("more about this.")
    open_plan = replace(plan, filter=None)
    (all_of_it,) = grown(ParentRetrieve(tokens=500), collection, Ranking(open_plan, ranking.hits)).hits
    assert "Сохраните чек" in all_of_it.chunk.text
