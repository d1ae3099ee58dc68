"""`rerank/model` with the reranker that comes along: what it moves, and what it leaves where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.models.bundled_reranker import BundledReranker
from ragkit.rerank.model import ModelRerank
from ragkit.types import Chunk, Ranking
from tests.unit.making import chunk, ranking, run_context
from tests.unit.stand_ins import WordsOnly

FEE = chunk("a", "The fee for the course is paid in May.")
RAIN = chunk("b", "It rained for the whole of May and June.")
REFUND = chunk("c", "Whoever withdraws before the course begins gets the money back.")
RUSSIAN = replace(chunk("d", "Кто откажется от курса до его начала, получит деньги назад."), lang="ru")
EMPTY = chunk("e", "")


@pytest.fixture(scope="module")
def model() -> BundledReranker:
    return BundledReranker(threads=1)


def rerank(model: BundledReranker, question: str, *chunks: Chunk) -> Ranking:
    stage = ModelRerank(model=model)
    stage.setup(WordsOnly())
    return stage.run(ranking(question, *chunks), run_context())


def order(made: Ranking) -> str:
    return "".join(hit.chunk.id[0] for hit in made.hits)


def test_other_words_for_the_same_thing_move_up(model: BundledReranker) -> None:
    question = "Is the price refunded if I cancel before the start?"
    assert order(rerank(model, question, RAIN, FEE, REFUND)) == "cab"


def test_a_question_in_russian_keeps_its_order(model: BundledReranker) -> None:
    assert order(rerank(model, "Вернут ли деньги, если отказаться?", RAIN, FEE, REFUND, RUSSIAN)) == "bacd"


def test_a_passage_in_russian_is_no_lower_than_before_among_its_like(model: BundledReranker) -> None:
    scores = {
        hit.chunk.id[0]: hit.score for hit in rerank(model, "When is the fee paid?", FEE, RUSSIAN, RAIN).hits
    }
    assert scores["a"] > scores["d"] > scores["b"]


def test_an_empty_passage_comes_last(model: BundledReranker) -> None:
    assert order(rerank(model, "When is the fee paid?", FEE, REFUND, EMPTY))[-1] == "e"
