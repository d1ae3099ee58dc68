"""LanceDB answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")


from ragkit.testing import strategies as made
from ragkit.testing.congruence import PLAIN, READERS, congruence
from ragkit.testing.data import unit
from tests.connectors.congruent import BM25_PARAMETERS, LanguageChecks, filters_hold, proposals_suffice
from tests.connectors.lance_stores import Stores
from tests.scale import scaled

SEED = 7
UP = unit([1, 0, 0, 0])


@pytest.fixture
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize("shape", [PLAIN, READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape) -> None:
    done = congruence(stores.make, cases=scaled(2_600, part=130), seed=SEED, shape=shape)
    assert done.failure is None, done.failure
    assert done.overlap is None


class TestFilters(LanguageChecks):
    """Every rule of the filter language."""


def test_filters_hold_as_the_reference_says(stores: Stores) -> None:
    filters_hold(stores.make, scaled(400))


@BM25_PARAMETERS
def test_what_is_proposed_is_enough(
    stores: Stores, k1: float, b: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals_suffice(stores.make, k1, b, monkeypatch)
