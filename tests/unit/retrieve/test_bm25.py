"""What `retrieve/bm25` says of the chunks that it does not return."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ragkit.arrays import HitBatch
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.types import QueryPlan
from tests.unit.making import run_context
from tests.unit.stand_ins import Wordless


class Three(Wordless):
    """A collection of three chunks that share a word with every query."""

    def bm25(self, texts: Sequence[str], k: int, plan: QueryPlan) -> list[HitBatch]:
        scored = [("a" * 32, 3.0), ("b" * 32, 2.0), ("c" * 32, 1.0)]
        return [HitBatch.of(scored[:k]) for _ in texts]


@pytest.mark.parametrize(("k", "floor"), [(2, 2.0), (3, 1.0), (4, 0.0)])
def test_a_full_list_may_go_on_as_it_ends(k: int, floor: float) -> None:
    stage = Bm25Retrieve(k=k)
    stage.collection = Three()
    (found,) = stage.run(QueryPlan.of("?"), run_context()).arms
    assert found.floor == floor
