"""The measured gain, worked out by hand, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ragkit.errors import QueryError
from ragkit.protocols import Vectors
from ragkit.train.card import OWN, Account
from ragkit.train.export import SelfTest, compared
from ragkit.train.fit_plan import Fitted
from ragkit.train.gain import FIRST_STAGE, Gain, measured
from ragkit.train.held_out import Standing
from ragkit.train.lessons import Lesson
from ragkit.train.recipe import Recipe
from ragkit.types import Hit
from tests.unit.making import chunk

pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")
pytestmark = pytest.mark.torch

PASSAGES = [
    Hit(chunk(key, text, document_id=key), 1.0 - n / 10)
    for n, (key, text) in enumerate((("a", "wrong"), ("b", "right"), ("c", "so")))
]


class ByWord:
    """A reranker that likes one word."""

    languages: frozenset[str] = frozenset()

    def __init__(self, word: str) -> None:
        self.name = self._word = word

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.array([float(self._word in text) for text in texts], np.float32)


def lessons(n: int) -> list[Lesson]:
    return [
        Lesson(f"q{i}", f"question {i}", kind="given" if i % 2 else "heading", documents=("b",))
        for i in range(n)
    ]


def gain(**rerankers: str) -> Gain:
    models = {name.replace("_", " "): ByWord(word) for name, word in rerankers.items()}
    return measured("Mine", lessons(12), lambda _: PASSAGES, models, clusters={}, seed=0)


def test_a_reranker_that_puts_the_answer_first_gains_what_it_should() -> None:
    found = gain(this_model="right")
    # The answer stands second in the first stage: RR 1/2, nDCG 1/log2(3).
    assert found.comparison.figures["RR@10"][FIRST_STAGE].mean == 0.5
    assert found.comparison.figures["nDCG@10"][FIRST_STAGE].mean == pytest.approx(1 / np.log2(3))
    assert found.comparison.figures["nDCG@10"][OWN].mean == 1.0
    assert found.comparison.contrast("nDCG@10", OWN).difference.wins == 12
    assert found.by_kind["given"] == (6, {FIRST_STAGE: pytest.approx(0.63093, abs=1e-5), OWN: 1.0})
    assert found.in_reach == 1.0
    assert found.over_start is None


def test_the_start_model_is_compared_with_too() -> None:
    found = gain(start_model="wrong", this_model="right")
    assert found.over_start is not None
    assert found.over_start.baseline == "start model"
    assert found.over_start.contrast("RR@10", OWN).difference.mean == 0.5


def test_a_model_with_weights_is_measured_as_the_graph_would_order() -> None:
    class Weighed(ByWord):
        blend = {"model": 0.01, "first": 1.0}  # noqa: RUF012

    models = {OWN: Weighed("right")}
    found = measured("Mine", lessons(12), lambda _: PASSAGES, models, clusters={}, seed=0)
    assert found.comparison.figures["RR@10"][OWN].mean == 0.5


def test_a_passage_in_a_language_that_the_model_does_not_know_is_not_judged_by_it() -> None:
    class English(ByWord):
        languages = frozenset({"en"})
        blend = {"model": 1.0, "first": 0.1}  # noqa: RUF012

    foreign = replace(PASSAGES[2].chunk, lang="fi")
    hits = [Hit(PASSAGES[1].chunk, 1.0), Hit(PASSAGES[0].chunk, 0.9), Hit(foreign, 0.1)]
    for word in ("so", "nowhere"):
        found = measured("Mine", lessons(12), lambda _: hits, {OWN: English(word)}, clusters={}, seed=0)
        assert found.comparison.figures["RR@10"][OWN].mean == 1.0


def test_a_question_in_a_language_that_the_model_does_not_know_keeps_its_order() -> None:
    class Finnish(ByWord):
        languages = frozenset({"fi"})

    asked = [replace(one, question="Where is the warehouse of the company?") for one in lessons(12)]
    found = measured("Mine", asked, lambda _: PASSAGES, {OWN: Finnish("right")}, clusters={}, seed=0)
    assert found.comparison.figures["RR@10"][OWN].mean == 0.5


def test_equal_scores_stand_in_order_of_chunk_id() -> None:
    found = gain(this_model="nowhere")
    assert found.comparison.figures["RR@10"][OWN].mean == 0.5


def test_a_question_that_cannot_be_asked_is_counted() -> None:
    def retrieve(question: str) -> list[Hit]:
        if question.endswith("3"):
            raise QueryError("no")
        return PASSAGES

    found = measured("Mine", lessons(12), retrieve, {OWN: ByWord("right")}, clusters={}, seed=0)
    assert found.comparison.figures["RR@10"][OWN].n == 11
    assert found.failed == {"q3": "QueryError: no"}
    assert found.n_asked == 12
    assert found.in_reach == 1.0


def account(*gains: Gain) -> Account:
    best = Standing(40, ndcg=0.8, reciprocal_rank=0.7, loss=0.6)
    return Account(
        "mine",
        start="start@1",
        languages=["en"],
        command="ragkit models train-reranker",
        counts={"documents": 3},
        recipe=Recipe(),
        fitted=Fitted("all steps", standings=(best,), by="loss", best=best, seconds=1.0),
        test=SelfTest(9, correlation=0.99, largest=0.1, inverted=0.0),
        gains=gains,
        versions={"ragkit": "0"},
    )


def test_the_card_says_what_is_gained_and_how_to_use_it() -> None:
    card = account(gain(start_model="wrong", this_model="right")).as_markdown()
    assert "Mine: better than the first stage alone (nDCG@10 +0.369" in card
    assert "against the start model +0.369" in card
    assert 'rerank: {use: rerank/onnx, folder: "THIS FOLDER"}' in card


def test_a_model_that_is_worse_is_not_recommended() -> None:
    worse = account(gain(this_model="wrong so"), replace(gain(this_model="so"), title="Other"))
    assert worse.is_worse
    assert worse.use("x").startswith("Do not use it.")
    assert "worse than the first stage for questions of the kind 'given'" in worse.as_markdown()


def test_a_kind_is_not_called_worse_by_less_than_the_card_shows() -> None:
    found = gain(this_model="so")
    means = {"first stage": 0.50581, "this model": 0.50579}
    assert all(means.keys() <= one.keys() for _, one in found.by_kind.values())
    card = account(replace(found, by_kind={"given": (30, means)})).as_markdown()
    assert "for questions of the kind" not in card


def test_the_report_is_json_with_intervals_and_p() -> None:
    report = json.loads(account(gain(this_model="right")).as_json())
    figures = report["gains"][0]["figures"]["nDCG@10"][OWN]
    assert {"mean", "low", "high", "n", "failed"} <= figures.keys()
    assert report["gains"][0]["differences"][0]["p_holm"] < 0.05


def test_the_self_test_sees_passages_that_change_places() -> None:
    torch_scores = [np.array([2.0, 0.0, 1.0], np.float32)]
    assert compared(torch_scores, [np.array([2.1, 0.1, 0.9], np.float32)]).is_passed
    assert not compared(torch_scores, [np.array([0.0, 2.0, 1.0], np.float32)]).is_passed
    # Nearly equal scores may change places.
    near = [np.array([2.0, 0.0, 0.01], np.float32)]
    assert compared(near, [np.array([2.0, 0.02, 0.0], np.float32)]).inverted == 0.0
