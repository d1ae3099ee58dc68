"""Pinecone answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing import congruence as random
from ragkit.testing import strategies as made
from ragkit.testing.certify import certify
from ragkit.testing.congruence import congruence
from ragkit.testing.data import unit
from tests.connectors.congruent import (
    BM25_PARAMETERS,
    LanguageChecks,
    pages_are_whole,
    proposals_suffice,
    there_and_back,
)
from tests.scale import scaled

pytest.importorskip("httpx", reason="needs the extra pinecone")
from ragkit_connectors.pinecone import PineconeStore, calls, server
from tests.connectors.pinecone.server.service import Pinecone
from tests.connectors.pinecone.stores import Stores, needs_server, server_settings

UP = unit([1, 0, 0, 0])
PLACES = [
    pytest.param({}, random.PLAIN, id="index, plain"),
    pytest.param({"exact_below": 1000}, random.READERS, id="compared, tenants and acl"),
    pytest.param({"tenancy": "namespaces"}, random.READERS, id="tenants apart, tenants and acl"),
]


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    monkeypatch.setattr(calls, "POLL_S", 0.001)
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize(("settings", "shape"), PLACES)
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape, settings: dict[str, Any]) -> None:
    done = congruence(
        lambda spec: stores.make_here(spec, **settings), cases=scaled(200), seed=scaled(7), shape=shape
    )
    assert done.failure is None, done.failure
    assert done.overlap in (None, 1.0)


@needs_server
@pytest.mark.parametrize("shape", [random.PLAIN, random.READERS], ids=["plain", "tenants and acl"])
def test_an_index_answers_as_the_oracle(stores: Stores, shape: made.Shape) -> None:
    done = congruence(lambda spec: stores.make(spec, **server_settings()), cases=20, seed=7, shape=shape)
    assert done.failure is None, done.failure


class TestFilters(LanguageChecks):
    """Every rule of the filter language."""

    def make(self, stores: Stores, spec: StoreSpec) -> Any:
        stores.service.is_lagging = False
        return stores.make_here(spec)


@BM25_PARAMETERS
def test_what_is_proposed_is_enough(
    stores: Stores, k1: float, b: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.service.is_lagging = False
    proposals_suffice(stores.make_here, k1, b, monkeypatch)


def test_many_pages_lose_nothing(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("PAGE", 7), ("_MOST_IDS", 5), ("_MOST_DELETED", 9), ("_MOST_RECORDS", 11)):
        monkeypatch.setattr(server, name, size)
    monkeypatch.setattr(server, "MOST_HITS", 20)
    stores.service.is_lagging = False
    store = pages_are_whole(stores.make_here)
    left = stores.service.spaces[store.config.parts].newest()
    kept = (
        stores.service.spaces[store.config.chunks].newest()
        | stores.service.spaces[store.config.records].newest()
    )
    assert {name.split(".")[0] for name in left if not name.startswith("h")} == set(kept) - {"canary"}


def test_the_local_server_passes_and_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an index of more numbers than our vectors have."""
    monkeypatch.setattr(calls, "POLL_S", 0.001)
    stores = Stores(Pinecone(8, metric="cosine"))
    stores.service.is_lagging = False
    done = certify(PineconeStore(host=stores.server.url), "store/pinecone", cases=3)
    assert stores.service.spaces == {}
    assert (done.verdict, done.failures) == ("not certified", ())
    assert done.engine is not None
    assert (done.engine.name, done.engine.version) == ("Pinecone", "API 2025-10")
    assert "it ran against a server whose host is none of Pinecone's, not against Pinecone itself" in (
        done.reservations
    )
    stores.close()


@needs_server
@pytest.mark.parametrize("tenancy", ["filter", "namespaces"])
def test_an_index_is_certified(tenancy: str) -> None:
    done = certify(PineconeStore(**server_settings(), tenancy=tenancy), "store/pinecone", cases=20)
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())


def test_from_a_folder_and_back_again(stores: Stores, tmp_path: Path) -> None:
    stores.service.is_lagging = False
    there_and_back(stores.make_here, tmp_path)
