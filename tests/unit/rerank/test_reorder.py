"""The best passages at both ends."""

from __future__ import annotations

import pytest

from ragkit.rerank.reorder import Reorder
from ragkit.types import Context
from tests.unit.making import chunk, context, run_context

SIX = context("?", *(chunk(c, c) for c in "abcdef"))


def order(given: Context, **settings: object) -> str:
    return "".join(p.chunk.text for p in Reorder(**settings).run(given, run_context()).passages)


def test_the_weakest_stand_in_the_middle() -> None:
    assert order(SIX) == "acefdb"
    assert order(SIX, best="last") == "bdfeca"


@pytest.mark.parametrize(("n", "expected"), [(0, ""), (1, "a"), (2, "ab"), (3, "acb")])
def test_few_passages(n: int, expected: str) -> None:
    assert order(Context(SIX.plan, SIX.passages[:n])) == expected


def test_the_order_is_that_of_the_scores_however_often_it_is_made() -> None:
    once = Reorder().run(SIX, run_context())
    assert Reorder().run(once, run_context()) == once
    assert sorted(once.passages, key=lambda p: p.chunk.id) == list(SIX.passages)
