"""How well evidence supports a claim, by words and by models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragkit.errors import ModelError
from ragkit.protocols import TextKind, Vectors
from ragkit.types import Answer
from ragkit.verify.citations import VerifyCitations
from ragkit.verify.support import Candidate, LexicalSupport, RerankerSupport, SupportModel
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import Wordless

EVIDENCE = [Candidate("It lasts two years.", coverage=0.8), Candidate("It is red.", coverage=0.1)]


class Scorer:
    """A cross-encoder that gives fixed scores."""

    name = "scorer"
    languages: frozenset[str] = frozenset()

    def __init__(self, *scores: float) -> None:
        self.scores = scores

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.array(self.scores[: len(texts)], dtype=np.float32)


class Alike(Wordless):
    """A collection that knows every language, and to which all texts are alike."""

    def knows(self, text: str) -> bool:
        return True

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))


def test_words_alone_where_the_embedder_knows_no_language() -> None:
    assert LexicalSupport(Wordless()).score("It lasts.", EVIDENCE) == [0.8, 0.1]


def test_embeddings_have_their_share() -> None:
    assert LexicalSupport(Alike(), 0.5).score("It lasts.", EVIDENCE) == pytest.approx([0.9, 0.55])


def test_logits_become_probabilities() -> None:
    first, second = RerankerSupport(Scorer(0.0, -1000.0)).score("It lasts.", EVIDENCE)
    assert first == pytest.approx(0.5)
    assert second == pytest.approx(0.0)


def test_probabilities_stay_as_they_are() -> None:
    scores = RerankerSupport(Scorer(0.25, 1.5), "probability").score("It lasts.", EVIDENCE)
    assert scores == pytest.approx([0.25, 1.0])


@pytest.mark.parametrize("scores", [(0.5,), (0.5, float("nan"))])
def test_a_model_that_gives_no_number_is_an_error(scores: tuple[float, ...]) -> None:
    with pytest.raises(ModelError, match="one that is not a number"):
        RerankerSupport(Scorer(*scores)).score("It lasts.", EVIDENCE)


def test_all_of_them_are_support_models() -> None:
    assert isinstance(LexicalSupport(), SupportModel)
    assert isinstance(RerankerSupport(Scorer()), SupportModel)


def test_the_stage_goes_by_the_model_it_is_given() -> None:
    within = context("?", chunk("a", "It lasts two years."))
    stage = VerifyCitations(attribute=False)
    stage.model = RerankerSupport(Scorer(-5.0))
    answer = stage.run(Answer(within.plan, text="It lasts two years [1].", context=within), run_context())
    assert "supports it by 0.01" in answer.dropped[0].problems[0]
