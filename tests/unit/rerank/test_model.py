"""`rerank/model` around a reranker that counts letters, so that every order can be said beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragkit.errors import ModelError
from ragkit.protocols import Vectors
from ragkit.rerank.model import ModelRerank
from ragkit.types import Ranking
from tests.unit.making import chunk, ranking, run_context
from tests.unit.stand_ins import WordsOnly


class ByLength:
    """Longer texts score higher."""

    name = "by length"
    languages = frozenset({"en"})

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.array([len(text) for text in texts], dtype=np.float32)


class Broken(ByLength):
    """Gives what is no number."""

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.full(len(texts), np.nan, dtype=np.float32)


CHUNKS = (chunk("a", "short"), chunk("b", "the longest of all"), chunk("c", "middling"), chunk("d", "other"))


def rerank(question: str, model: object = None, **settings: object) -> Ranking:
    stage = ModelRerank(model=model or ByLength(), **settings)
    stage.setup(WordsOnly())
    return stage.run(ranking(question, *CHUNKS), run_context())


def order(made: Ranking) -> str:
    return "".join(hit.chunk.id[0] for hit in made.hits)


def test_the_model_sets_the_order_and_ties_break_by_id() -> None:
    assert order(rerank("What is the longest of these?")) == "bcad"


def test_k_and_candidates_cut() -> None:
    assert order(rerank("What is the longest of these?", k=2)) == "bc"
    assert order(rerank("What is the longest of these?", candidates=1)) == "a"


def test_the_earlier_score_is_kept_for_the_reader() -> None:
    assert rerank("What is the longest of these?").hits[0].scores["before_rerank"] == pytest.approx(0.9)


def test_a_language_the_model_does_not_know_keeps_the_order() -> None:
    assert order(rerank("Что здесь самое длинное и почему?")) == "abcd"
    assert order(rerank("Что здесь самое длинное и почему?", unknown_language="score")) == "bcad"


def test_without_hits_nothing_is_said_of_the_language() -> None:
    stage, ctx = ModelRerank(model=ByLength()), run_context()
    stage.setup(WordsOnly())
    assert stage.run(ranking("What is the longest of these?"), ctx).hits == ()
    assert ctx.trace.facts == {}


def test_a_score_that_is_no_number_is_an_error_that_says_so() -> None:
    with pytest.raises(ModelError, match="not a number"):
        rerank("What is the longest of these?", Broken())


def test_no_hits_need_no_model() -> None:
    stage = ModelRerank(model=Broken())
    stage.setup(WordsOnly())
    assert stage.run(ranking("?"), run_context()).hits == ()
