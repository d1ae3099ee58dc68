"""Qdrant answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.testing import strategies as made
from ragkit.testing.congruence import PLAIN, READERS, congruence
from ragkit.testing.data import unit
from tests.connectors.congruent import BM25_PARAMETERS, LanguageChecks, filters_hold, proposals_suffice
from tests.connectors.qdrant_stores import ON_SERVER, Stores
from tests.scale import scaled

SEED = 7
UP = unit([1, 0, 0, 0])
LOCAL: dict[str, Any] = {}


@pytest.fixture
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize("place", [pytest.param(LOCAL, id="local mode"), ON_SERVER])
@pytest.mark.parametrize("shape", [PLAIN, READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape, place: dict[str, Any]) -> None:
    done = congruence(
        lambda spec: stores.make(spec, **place), cases=scaled(1_300, part=65), seed=SEED, shape=shape
    )
    assert done.failure is None, done.failure
    assert done.overlap in (None, 1.0)


class TestFilters(LanguageChecks):
    """Every rule of the filter language."""


@pytest.mark.parametrize("place", [pytest.param(LOCAL, id="local mode"), ON_SERVER])
def test_filters_hold_as_the_reference_says(stores: Stores, place: dict[str, Any]) -> None:
    filters_hold(lambda spec: stores.make(spec, **place), scaled(400))


@BM25_PARAMETERS
def test_what_the_server_proposes_is_enough(
    stores: Stores, k1: float, b: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals_suffice(stores.make, k1, b, monkeypatch)
