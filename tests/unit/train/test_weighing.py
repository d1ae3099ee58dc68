"""The weights of a trained model: what is planted is found, and few questions choose nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from ragkit.protocols import Vectors
from ragkit.train.lessons import Lesson
from ragkit.train.weighing import USUAL, Judged, fitted, weighed
from ragkit.types import Hit
from tests.unit.making import chunk


def questions(signal_of: str, n: int = 60) -> list[Judged]:
    """Twenty candidates each, one of them relevant: it stands out in one score, the other is noise."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(n):
        relevant = np.arange(20) == rng.integers(20)
        noise, signal = rng.normal(size=(2, 20))
        signal = signal + 3.0 * relevant
        first, model = (signal, noise) if signal_of == "first" else (noise, signal)
        made.append(Judged(first, model, relevant))
    return made


def test_what_tells_relevant_passages_gets_the_weight() -> None:
    by_first, by_model = fitted(questions("first")), fitted(questions("model"))
    assert by_first.first > 5 * by_first.model
    assert by_model.model > 5 * by_model.first


def test_scores_are_probabilities_that_are_right_on_average() -> None:
    judged = questions("model")
    blend = fitted(judged)
    scores = np.concatenate([blend.of(one.first, one.model, n_words=5) for one in judged])
    assert scores.mean() == pytest.approx(1 / 20, abs=0.002)


class Counting:
    """Scores by a number in the text, and counts how often it is asked."""

    name, languages, asked = "counting", frozenset[str](), 0

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        self.asked += 1
        return np.array([float(text) for text in texts], np.float32)


def lessons(n: int, kind: str) -> list[Lesson]:
    return [Lesson(f"q{i}", f"question {i}", kind=kind, documents=("b",)) for i in range(n)]


def hits(_: str) -> list[Hit]:
    keys = (("a", "0"), ("b", "5"), ("c", "1"))
    return [Hit(chunk(key, text, document_id=key), 1.0 - n / 10) for n, (key, text) in enumerate(keys)]


def test_given_questions_choose() -> None:
    blend = weighed(lessons(30, "given"), hits, Counting())
    assert blend != USUAL
    assert np.argmax(blend.of(np.array([1.0, 0.9, 0.8]), np.array([0.0, 5.0, 1.0]), n_words=2)) == 1


@pytest.mark.parametrize(("n", "kind"), [(19, "given"), (200, "sentence")])
def test_few_questions_and_generated_ones_choose_nothing(n: int, kind: str) -> None:
    assert weighed(lessons(n, kind), hits, Counting()) == USUAL


def test_passages_that_measure_the_result_have_no_part_in_the_weights() -> None:
    def found(question: str, *, wrong: str) -> list[Hit]:
        return [*hits(question), Hit(chunk("d", wrong, document_id="reported"), 0.6)]

    def weights(wrong: str, avoided: str) -> tuple[float, float]:
        blend = weighed(
            lessons(120, "given"),
            partial(found, wrong=wrong),
            Counting(),
            avoid=lambda one: one.document_id == avoided,
        )
        return blend.model, blend.first

    # A passage that the model puts above the answer speaks against the model, where it is looked at.
    assert weights("9", "reported") == weights("-9", "reported")
    assert weights("9", "nothing")[0] < weights("-9", "nothing")[0]


def test_questions_whose_answer_was_not_found_are_not_scored() -> None:
    reranker = Counting()
    out_of_reach = [Lesson(f"q{i}", "where?", kind="given", documents=("elsewhere",)) for i in range(30)]
    assert weighed(out_of_reach, hits, reranker) == USUAL
    assert reranker.asked == 0


def test_passages_in_languages_that_the_model_does_not_know_count_as_they_do_when_reranked() -> None:
    class English(Counting):
        languages = frozenset({"en"})

    def mixed(question: str, *, wild: float) -> list[Hit]:
        foreign = replace(chunk("d", str(wild), document_id="d"), lang="fi")
        return [*hits(question), Hit(foreign, 0.6)]

    calm, wild = (
        weighed(lessons(30, "given"), partial(mixed, wild=score), English()) for score in (2.0, 500.0)
    )
    assert calm == wild
    assert wild.highest == 5.0
