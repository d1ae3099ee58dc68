"""`rerank/entailment`: how probably a text entails a claim, by a model for natural language inference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from ragkit.errors import ModelError
from ragkit.protocols import Vectors
from ragkit_connectors.sentence_transformers import (
    ModelSettings,
    encodable,
    finite,
    library,
    load_model,
)

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class EntailmentModel:
    """A cross-encoder with a class for entailment, run by sentence-transformers, for `verify/citations`.

    It reads a passage as the premise and the claim as the hypothesis. The score is the probability of the
    entailment class among all classes, so `scale` is `probability`. Which class that is stands in the model's
    own config (`id2label`), never in its order: models differ in it.

    Example:
        EntailmentModel(model="MoritzLaurer/mDeBERTa-v3-base-mnli-xnli").score(
            "It lasts two years.", ["The warranty lasts 24 months."])
    """

    scale = "probability"

    class Config(ModelSettings):
        label: str = Field(
            "entailment",
            min_length=1,
            description="The class of entailment, as the model's config.json names it under id2label.",
        )

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/entailment", settings)
        self._loaded: CrossEncoder | None = None
        self._class = -1
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The model's name or the last part of its folder."""
        return Path(self.config.model).name

    @property
    def languages(self) -> frozenset[str]:
        """As configured; empty means any."""
        return frozenset(self.config.languages)

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """The probability that each text entails the claim `query`, shape `[n]`, float32, in their order.

        Raises:
            MissingExtraError: sentence-transformers is not installed.
            ModelError: the model cannot be loaded, has no class of that name, or gave NaN or infinity.
        """
        if not texts:
            return np.empty(0, dtype=np.float32)
        with self._lock:
            model = self._model()
            logits = np.asarray(
                model.predict(
                    [(encodable(text), encodable(query)) for text in texts],
                    batch_size=self.config.batch_size,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                    activation_fn=_identity(),
                ),
                dtype=np.float32,
            )
        finite(logits, self.config.model)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Vectors = (powers / powers.sum(axis=1, keepdims=True))[:, self._class]
        return probabilities

    def _model(self) -> CrossEncoder:
        if self._loaded is None:
            loaded = load_model(library("rerank/entailment").CrossEncoder, self.config)
            labels: Mapping[int, str] = dict(loaded.model.config.id2label)
            self._class = class_of(labels, self.config.label, self.config.model)
            if self.config.max_tokens:
                loaded.max_length = self.config.max_tokens
            self._loaded = loaded
        return self._loaded


def class_of(labels: Mapping[int, str], wanted: str, model: str) -> int:
    """The number of the class with this name, upper and lower case alike.

    Raises:
        ModelError: there is none, more than one, or no other class beside it.

    >>> class_of({0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}, "entailment", "m")
    2
    """
    found = [number for number, label in labels.items() if _plain(label) == _plain(wanted)]
    if len(found) == 1 and len(labels) > 1:
        return int(found[0])
    listed = ", ".join(f"{number}: {label}" for number, label in sorted(labels.items()))
    raise ModelError(
        f"the model {model!r} has the classes {{{listed}}}; expected two or more, one of them {wanted!r}. "
        "Choose a model for natural language inference, or give `label:` the name of its entailment class"
    )


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9]", "", label.casefold())


def _identity() -> Any:
    from torch import nn

    return nn.Identity()
