"""Milvus answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.testing import strategies as made
from ragkit.testing.congruence import PLAIN, READERS, congruence
from ragkit.testing.data import unit
from ragkit_connectors.milvus import server
from tests.connectors.congruent import (
    BM25_PARAMETERS,
    LanguageChecks,
    filters_hold,
    pages_are_whole,
    proposals_suffice,
)
from tests.connectors.milvus.stores import ON_SERVER, Stores
from tests.scale import scaled

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
SEED = 7
UP = unit([1, 0, 0, 0])
PLACES = [
    pytest.param({}, id="lite"),
    pytest.param({"index": "hnsw", "exact_below": 3}, id="lite by graph"),
    ON_SERVER,
]


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", [PLAIN, READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape, place: dict[str, Any]) -> None:
    done = congruence(
        lambda spec: stores.make(spec, **place), cases=scaled(300, part=60), seed=scaled(SEED), shape=shape
    )
    assert done.failure is None, done.failure
    assert done.overlap in (None, 1.0)


class TestFilters(LanguageChecks):
    """Every rule of the filter language."""


@pytest.mark.parametrize("place", [PLACES[0], ON_SERVER])
def test_filters_hold_as_the_reference_says(stores: Stores, place: dict[str, Any]) -> None:
    filters_hold(lambda spec: stores.make(spec, **place), scaled(100))


@pytest.mark.parametrize("most_hits", [3, 16_384], ids=["beyond topk", "below topk"])
@BM25_PARAMETERS
def test_what_milvus_proposes_is_enough(
    stores: Stores, k1: float, b: float, most_hits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_HITS", most_hits)
    proposals_suffice(stores.make, k1, b, monkeypatch)


def test_many_pages_are_read_once_each(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PAGE", 7)
    monkeypatch.setattr(server, "_PAGE_OF_LARGE", 5)
    monkeypatch.setattr(server, "MOST_HITS", 10)
    pages_are_whole(stores.make)
