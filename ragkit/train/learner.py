"""What of a model is trained: all of its encoder, or a head on what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ragkit.rerank.blend import Blend
from ragkit.train.export import SelfTest
from ragkit.train.held_out import By
from ragkit.train.material import Material
from ragkit.train.recipe import Recipe
from ragkit.train.stepping import Stepping

JUDGED = 150  # held-out questions that say when to stop: judging must not take longer than training
TESTED = 24  # questions of the self-test
TESTED_PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Course:
    """A training that is ready to begin.

    Args:
        trainer: before its first step.
        held_out: what it is judged by, as the trainer takes it.
        by: the measure that tells which weights are best.
        n_learnt: how many questions it learns from.
        settings: what decides the steps, beside the recipe.
    """

    trainer: Stepping[Any] = field(repr=False)
    held_out: Sequence[Any] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    n_learnt: int = field(kw_only=True)
    by: By = field(kw_only=True)

    def counts(self, material: Material) -> dict[str, int]:
        """For people: what of the material it makes no use of, where there is any."""
        n_unread, n_unranked = len(material.train) - self.n_learnt, len(material.stop) - len(self.held_out)
        left = {
            "learnt from, but left out, without a word that the model knows": n_unread,
            "to stop by, but not ranked, while training a part is enough": n_unranked,
        }
        return {what: n for what, n in left.items() if n}


class Learner(Protocol):
    """Trains one part of a model."""

    recipe: Recipe

    def course(self, material: Material) -> Course:
        """Prepares the training.

        Raises:
            ModelError: the start model failed.
        """
        ...

    def export(self, folder: Path, material: Material, name: str) -> SelfTest:
        """Writes what was trained to `folder` and tests that it ranks as before.

        Raises:
            ModelError: it does not, or cannot be written.
        """
        ...

    @property
    def usual(self) -> Blend:
        """How the result is weighed against the first stage where nobody can tell."""
        ...

    def learnt(self) -> tuple[float, float] | None:
        """Weights of the model and of the first stage that were learnt with the model, if any were."""
        ...
