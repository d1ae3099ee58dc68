"""What several queries of a batch find, on every store: with a filter `k` passages where `k` match."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragkit.fields import parse_fields
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.dense import DenseRetrieve
from ragkit.retrieve.fuse import Fuse, RrfFuse, WeightedFuse
from ragkit.store.collection import StoreCollection
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, unit
from ragkit.text.analyze import Analyzer
from ragkit.types import Rankings
from tests.connectors.every_store import KINDS, Place
from tests.connectors.test_growth import Flat
from tests.unit.making import run_context
from tests.unit.retrieve.growing import Resources

FIELDS = parse_fields({"shelf": "keyword", "lang": "keyword"})
N_RARE = 25


class English(Flat):
    """It knows no other language."""

    languages = frozenset({"en"})


@pytest.fixture(params=KINDS)
def collection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCollection]:
    place = Place(request.param, tmp_path)
    spec = StoreSpec(
        "test", embedder_fingerprint="test", dimension=2, analyzer_fingerprint="test", fields=FIELDS
    )
    made = StoreCollection(place.open(spec), embedder=English(), analyzer=Analyzer(), fields=FIELDS)
    made.commit(
        [
            put(
                f"d{n}",
                [(f"насос номер {n}", unit([1, n / 100]))],
                metadata={"shelf": "rare" if n % 4 == 0 else "common", "lang": "ru"},
            )
            for n in range(4 * N_RARE)
        ]
    )
    yield made
    place.close()


@pytest.mark.parametrize("fuse", [WeightedFuse, RrfFuse])
def test_as_many_come_as_match(collection: StoreCollection, fuse: type[Fuse]) -> None:
    for question in ("Где живут слоны?", "насос", "Where do elephants live?", "Қайда?", "象はどこ"):
        for k in (10, 40):
            plan = collection.plan(question, filter={"shelf": "rare"})
            stages = (DenseRetrieve(k=k), Bm25Retrieve(k=k), fuse(k=k))
            for one in stages:
                one.setup(Resources(collection))
            dense, sparse, fusing = stages
            arms = (*dense.run(plan, run_context()).arms, *sparse.run(plan, run_context()).arms)
            hits = fusing.run(Rankings(plan, arms), run_context()).hits
            assert len(hits) == min(k, N_RARE)
            assert {hit.chunk.metadata["shelf"] for hit in hits} == {"rare"}


def test_queries_of_a_batch_find_what_each_finds_alone(collection: StoreCollection) -> None:
    questions = ["насос", "номер 7", "", "слон", "насос 3 насос", "насос"]
    for k in (1, 10):
        plan = collection.plan("?", filter={"shelf": "rare"})
        together = collection.bm25(questions, k, plan)
        for question, batch in zip(questions, together, strict=True):
            (alone,) = collection.bm25([question], k, plan)
            assert batch.id_list() == alone.id_list()
            assert batch.scores.tolist() == alone.scores.tolist()
            assert batch.ceiling == alone.ceiling
        assert [len(batch) for batch in together] == [k, k, 0, 0, k, k]


def test_vectors_of_a_batch_find_what_each_finds_alone(collection: StoreCollection) -> None:
    vectors = np.stack([unit([1, 0]), unit([0, 1]), unit([-1, 0.2]), unit([1, 0.4])])
    for k in (1, 10, 40):
        scope = Scope(filter=Eq("shelf", "rare"))
        together = collection.store.search(vectors, k, scope)
        for vector, batch in zip(vectors, together, strict=True):
            (alone,) = collection.store.search(vector[None], k, scope)
            assert batch.id_list() == alone.id_list()
            assert batch.scores.tolist() == alone.scores.tolist()
        assert [len(batch) for batch in together] == [min(k, N_RARE)] * 4
