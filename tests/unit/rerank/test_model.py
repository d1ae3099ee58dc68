"""`rerank/model` around a reranker that counts letters, so that every order can be said beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


class Blended(ByLength):
    """Brings its own weights: its score counts half as much as the order before."""

    def __init__(self, **weights: float) -> None:
        self.blend = weights


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


def test_a_model_with_weights_is_blended_with_the_order_before() -> None:
    made = rerank("What is the longest of these?", Blended(model=0.0, first=1.0, long=0.0, bias=0.0))
    assert order(made) == "abcd"
    assert all(0 < hit.score < 1 for hit in made.hits)
    assert made.hits[1].scores == {"before_rerank": pytest.approx(0.9), "rerank": 18.0}


def test_a_weight_in_the_config_takes_the_place_of_the_models() -> None:
    model = Blended(model=0.0, first=1.0, long=0.0, bias=0.0)
    assert order(rerank("What is the longest of these?", model, first_weight=0.0)) == "bcad"
    assert order(rerank("What is the longest of these?", ByLength(), first_weight=1e6)) == "abcd"
    assert len({hit.score for hit in rerank("What?", ByLength(), first_weight=1e6).hits}) == len(CHUNKS)


def test_passages_in_an_unknown_language_keep_their_place_among_each_other() -> None:
    chunks = [
        replace(CHUNKS[0], lang="ru", text="Первый, самый длинный из всех здесь"),
        replace(CHUNKS[1], text="short"),
        replace(CHUNKS[2], text="a longer passage in English"),
        replace(CHUNKS[3], lang="ru", text="Второй"),
    ]
    stage = ModelRerank(model=Blended(model=1.0, first=0.1, long=0.0, bias=0.0))
    stage.setup(WordsOnly())
    made = stage.run(ranking("What is the longest of these?", *chunks), run_context())
    assert order(made) == "cadb"


def test_weights_that_are_none_are_an_error_when_the_graph_is_built() -> None:
    with pytest.raises(ModelError, match="blend of reranker 'by length'"):
        rerank("What?", Blended(model=-1.0))


class Numbered:
    """Scores by the number that a text is, and keeps what it was asked."""

    name = "numbered"
    languages = frozenset({"en"})

    def __init__(self, **weights: float) -> None:
        self.blend = weights
        self.read: list[str] = []

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        self.read += texts
        return np.array([float(text) for text in texts], dtype=np.float32)


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=40), st.integers(1, 6))
def test_passages_that_cannot_come_among_the_best_are_not_read_and_nothing_changes(
    numbers: list[int], k: int
) -> None:
    chunks = [replace(chunk("x", str(n)), id=f"{i:032d}") for i, n in enumerate(numbers)]
    bounded = Numbered(model=0.2, first=1.0, highest=4.0)
    everything = Numbered(model=0.2, first=1.0, highest=4.0)
    results = []
    for model, n in ((bounded, k), (everything, len(numbers))):
        stage = ModelRerank(model=model, k=n)
        stage.setup(WordsOnly())
        results.append(stage.run(ranking("What is the longest of these?", *chunks), run_context()).hits[:k])
    assert [(hit.chunk.id, hit.score) for hit in results[0]] == [
        (hit.chunk.id, hit.score) for hit in results[1]
    ]


def test_how_many_were_read_is_told() -> None:
    chunks = [replace(chunk("x", "0"), id=f"{i:032d}") for i in range(40)]
    model, ctx = Numbered(model=0.1, first=1.0, highest=1.0), run_context()
    stage = ModelRerank(model=model, k=1)
    stage.setup(WordsOnly())
    stage.run(ranking("What is the longest of these?", *chunks), ctx)
    assert len(model.read) == ctx.trace.facts["scored"] == 8
