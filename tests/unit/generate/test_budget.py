"""What a model is shown of a context that is too long for it."""

from __future__ import annotations

from typing import Literal

import pytest

from ragkit.generate.budget import fitting_passages
from ragkit.generate.cited import CitedGenerate
from ragkit.generate.ladder import shortened
from ragkit.models.token_count import counter
from ragkit.rerank.reorder import Reorder
from ragkit.text.fence import FRAME_TOKENS, source_of
from ragkit.types import Context, Passage
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import WordsOnly

COUNT = counter(None)
RANKED = context(
    "?", *(chunk(key, f"Passage {key} says one thing.", start=100 * n) for n, key in enumerate("abcde"))
)


def cost(passage: Passage) -> int:
    return COUNT(passage.text) + COUNT(source_of(passage)) + FRAME_TOKENS


def keys(passages: tuple[Passage, ...]) -> str:
    return "".join(passage.chunk.id[0] for passage in passages)


@pytest.mark.parametrize(("best", "shown"), [("first", "acb"), ("last", "bca")])
def test_the_best_passages_are_shown_whatever_order_they_stand_in(
    best: Literal["first", "last"], shown: str
) -> None:
    ordered = Reorder(best=best).run(RANKED, run_context())
    budget = sum(cost(passage) for passage in RANKED.passages[:3])
    fitting = fitting_passages(ordered.passages, budget, count=COUNT, sentences=lambda passage: [])
    assert keys(fitting) == shown


def test_a_context_that_is_shortened_loses_its_weakest_passages() -> None:
    stage = CitedGenerate(llm="m", context_tokens=10_000)
    stage.collection = WordsOnly().collection
    ordered = Reorder(best="last").run(RANKED, run_context())
    shorter = shortened(stage, ordered, cost(RANKED.passages[4]))
    assert isinstance(shorter, Context)
    assert "a" in keys(shorter.passages)
    assert "e" not in keys(shorter.passages)
