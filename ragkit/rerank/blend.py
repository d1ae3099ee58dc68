"""How a reranker's score and the order before it make one order.

    logit = model · share(query) · s + first · z + bias

s is the model's score of a passage, a logit. z is the passage's score before reranking, standardised over the
candidates, so that it may come from any fusion. `share` is 1 up to 16 words of a query and falls with the
logarithm of its length: small models are taught by questions, and on long texts they are less sure than they
look. A passage in a language that the model does not know takes the mean s of the others, so it keeps its
place among its like. What comes out is the logistic function of the logit, in (0, 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from ragkit.errors import ModelError
from ragkit.settings import Settings

Numbers = NDArray[np.float64]

PLAIN_WORDS = 16


class Blend(Settings):
    """Weights of the two scores, fitted by the model's maker on questions that the model was not trained on.

    >>> even = Blend(model=1.0, first=0.0)
    >>> even.of(np.zeros(2), np.array([-1.0, 1.0]), n_words=5).round(2).tolist()
    [0.27, 0.73]
    """

    model: float = Field(ge=0.0, allow_inf_nan=False, description="Weight of the model's logit.")
    first: float = Field(ge=0.0, allow_inf_nan=False, description="Weight of the standardised score before.")
    long: float = Field(
        0.0, ge=0.0, allow_inf_nan=False, description="How fast `model` falls with the words of a long query."
    )
    bias: float = Field(
        0.0, allow_inf_nan=False, description="Added to the sum, so that the result is a probability."
    )
    highest: float | None = Field(
        None,
        allow_inf_nan=False,
        description="Logits above count as this, so that it is known what a passage can reach.",
    )

    @classmethod
    def given(cls, name: str, values: Mapping[str, Any]) -> Blend:
        """The blend that the model `name` brings along.

        Raises:
            ModelError: it is none.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise ModelError(
                f"the blend of reranker {name!r} cannot be read: {error.errors()[0]['msg']}. Train or fetch "
                "the model again, or set `first_weight` on the node"
            ) from error

    @classmethod
    def weighing(cls, first: float) -> Blend:
        """The score before counts `first` times what the model's does; both shares sum to 1."""
        return cls(model=1.0 / (1.0 + first), first=first / (1.0 + first), long=0.0, bias=0.0, highest=None)

    def of(self, first: Numbers, scores: Numbers, *, n_words: int) -> Numbers:
        """Blended scores in (0, 1), shape `[n]`.

        Args:
            first: scores before reranking, shape `[n]`, on any scale.
            scores: the model's logits; NaN for passages that it cannot judge.
            n_words: words of the query.

        Beyond ±30 a logit counts as that much: such probabilities could not be told apart.
        """
        if self.highest is not None:
            scores = np.minimum(scores, self.highest)
        return self._probabilities(standardised(first), filled(scores), n_words)

    def reach(self, first: Numbers, *, n_words: int) -> Numbers:
        """What each passage has at most, whatever the model says of it; all 1 where that is not known."""
        if self.highest is None:
            return np.ones(len(first))
        return self._probabilities(standardised(first), np.full(len(first), self.highest), n_words)

    def _probabilities(self, z: Numbers, scores: Numbers, n_words: int) -> Numbers:
        share = max(0.0, 1.0 - self.long * max(0.0, float(np.log(max(n_words, 1) / PLAIN_WORDS))))
        logit = self.model * share * scores + self.first * z + self.bias
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))


def filled(scores: Numbers) -> Numbers:
    """The scores with the mean of the others in place of NaN; 0 where all are NaN."""
    unjudged = np.isnan(scores)
    if not unjudged.any():
        return scores
    mean = float(scores[~unjudged].mean()) if not unjudged.all() else 0.0
    return np.where(unjudged, mean, scores)


def standardised(values: Numbers) -> Numbers:
    """Mean 0 and deviation 1; all 0 where the values are the same."""
    deviation = float(values.std())
    if deviation <= 1e-9 * max(1.0, float(np.abs(values).max(initial=0.0))):
        return np.zeros_like(values)
    return np.asarray((values - values.mean()) / deviation)
