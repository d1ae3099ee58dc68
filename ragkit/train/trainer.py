"""Fits a whole encoder to groups: the relevant passage above the others, judged over the whole list.

The loss is that of `ragkit.train.loss`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ragkit.errors import ConfigError
from ragkit.train.batches import batches
from ragkit.train.cross_encoder import Encoder
from ragkit.train.device import half_precision
from ragkit.train.groups import Group, Sample
from ragkit.train.held_out import Standing, standing
from ragkit.train.loss import ranking_loss, reader_loss
from ragkit.train.pairs import PairBatch
from ragkit.train.recipe import Recipe
from ragkit.train.stepping import Stepping


class Trainer(Stepping[tuple[PairBatch, list[Sample]]]):
    """Trains `model` on `groups`.

    Args:
        model: changed in place.
        groups: what it learns from.
        recipe: how.
        device: a torch device, such as "cpu" or "cuda".

    Raises:
        ConfigError: the recipe's pairs are longer than the model's positions.

    Example:
        trainer = Trainer(model, groups, Recipe(epochs=1))
        trainer.run()
        trainer.use_average()
    """

    def __init__(self, model: Encoder, groups: Sequence[Group], recipe: Recipe, *, device: str = "cpu"):
        if recipe.max_tokens > model.shape.positions:
            raise ConfigError(
                f"training: max_tokens is {recipe.max_tokens}, and the model has {model.shape.positions} "
                "positions: expected no more than that"
            )
        self.model = model.to(device)
        self._groups = groups
        model.embeddings.word_embeddings.weight.requires_grad_(not recipe.freeze_words)
        super().__init__(self.model, recipe, n_groups=len(groups), device=device)
        self.half = half_precision(self.device)

    def batches(self, after: int) -> Iterator[tuple[PairBatch, list[Sample]]]:
        """Rows of token ids with the samples that they are of."""
        return batches(self._groups, self.recipe, after=after)

    def standing(self, held_out: Sequence[Group]) -> Standing:
        """How well the averaged weights rank groups that are not learnt from."""
        with self.averaged():
            return standing(self.model, held_out, self.recipe, step=self.step, half=self.half)

    def loss(self, batch: tuple[PairBatch, list[Sample]]) -> Tensor:
        """That of `ragkit.train.loss`."""
        rows, samples = batch
        ids, segments, mask = (
            torch.from_numpy(part).to(self.device, non_blocking=True)
            for part in (rows.ids, rows.segments, rows.mask)
        )
        devices = [self.device] if self.device.type == "cuda" else []
        # Seeded for each step: dropout is the same after a restart, and the caller's random numbers too.
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                scores, places = self.model(ids, segments, mask)
        loss = ranking_loss(scores, samples, pointwise_weight=self.recipe.pointwise_weight)
        if places is not None:
            loss = loss + self.recipe.reader_weight * reader_loss(places, rows, samples)
        return loss
