"""Fits a reranker to groups: the relevant passage above the others, judged over the whole list.

AdamW with linear warm-up and decay; what is kept in the end is the exponential average of the weights.
The loss is that of `ragkit.train.loss`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ragkit.errors import ConfigError
from ragkit.train.batches import batches
from ragkit.train.cross_encoder import Encoder
from ragkit.train.device import half_precision
from ragkit.train.groups import Group, Sample
from ragkit.train.loss import ranking_loss, reader_loss
from ragkit.train.pairs import PairBatch
from ragkit.train.recipe import Recipe

State = dict[str, NDArray[np.generic]]

_AVERAGE_FROM = 10  # steps until the average is over about half of what was seen


class Trainer:
    """Trains `model` on `groups`, a step at a time; can be stopped after any step and go on later.

    A training that is stopped, saved with `state`, restored in another process and run to its end gives the
    same weights, bit for bit, as one that was never stopped, on the same machine with as many threads.

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
        self.recipe = recipe
        self.device = torch.device(device)
        self.n_steps = recipe.epochs * -(-len(groups) // recipe.groups_per_step)
        self.step = 0
        self._groups = groups
        self.half = half_precision(self.device)
        model.embeddings.word_embeddings.weight.requires_grad_(not recipe.freeze_words)
        self._names = [name for name, value in model.named_parameters() if value.requires_grad]
        self._trained: list[Tensor] = [value for value in model.parameters() if value.requires_grad]
        decayed: list[dict[str, Any]] = [
            {"params": [value for value in self._trained if value.ndim > 1]},
            {"params": [value for value in self._trained if value.ndim <= 1], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(
            decayed,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=self.device.type == "cuda",
        )
        self._average = [value.detach().clone() for value in self._trained]

    def run(self, until: int | None = None, on_step: Callable[[int, Tensor], bool] | None = None) -> None:
        """Takes the steps up to number `until`, all by default.

        Args:
            until: step to stop at.
            on_step: called with the number of steps taken and the loss; training stops where it gives True.
        """
        self.model.train()
        for batch, samples in batches(self._groups, self.recipe, after=self.step):
            if self.step >= (self.n_steps if until is None else min(until, self.n_steps)):
                return
            loss = self._update(batch, samples)
            self.step += 1
            if on_step is not None and on_step(self.step, loss):
                return

    def shorten(self, n_steps: int) -> None:
        """Ends the training after `n_steps` in all, if that is sooner; the learning rate is 0 by then."""
        self.n_steps = max(self.step, min(n_steps, self.n_steps))

    def use_average(self) -> None:
        """Puts the averaged weights into the model; call it once, at the end."""
        _copy(self._average, self._trained)

    def averaged_weights(self) -> State:
        """Copies of the averaged weights of what is trained, by name."""
        return {
            name: value.detach().cpu().numpy().copy()
            for name, value in zip(self._names, self._average, strict=True)
        }

    def restore_weights(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        """Puts what `averaged_weights` gave into the model."""
        _copy(
            [_like(v, weights[n], n) for n, v in zip(self._names, self._trained, strict=True)], self._trained
        )

    @contextmanager
    def averaged(self) -> Iterator[Encoder]:
        """The model with the averaged weights, in evaluation mode, for the time of the block."""
        kept = [value.detach().clone() for value in self._trained]
        _copy(self._average, self._trained)
        self.model.eval()
        try:
            yield self.model
        finally:
            _copy(kept, self._trained)
            self.model.train()

    def state(self) -> State:
        """All that goes on needs, copied: weights, their average, the optimiser's two moments, the step."""
        named: State = {"step": np.array(self.step), "n_steps": np.array(self.n_steps)}
        for name, value, averaged in zip(self._names, self._trained, self._average, strict=True):
            moments = self._optimizer.state.get(value, {})
            tensors = {"weight": value, "average": averaged, **moments}
            for kind, tensor in tensors.items():
                named[f"{kind}/{name}"] = tensor.detach().cpu().numpy().copy()
        return named

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from what `state` gave, for the same model, groups and recipe.

        Raises:
            KeyError, ValueError: the state is not one of such a training.
        """
        with torch.no_grad():
            for name, value, averaged in zip(self._names, self._trained, self._average, strict=True):
                value.copy_(_like(value, state[f"weight/{name}"], name))
                averaged.copy_(_like(value, state[f"average/{name}"], name))
                if f"exp_avg/{name}" in state:
                    self._optimizer.state[value] = {
                        "step": torch.from_numpy(np.array(state[f"step/{name}"])).to(
                            self.device if self.device.type == "cuda" else "cpu"
                        ),
                        **{
                            kind: _like(value, state[f"{kind}/{name}"], name).to(self.device)
                            for kind in ("exp_avg", "exp_avg_sq")
                        },
                    }
        self.step, self.n_steps = int(state["step"]), int(state["n_steps"])

    def _update(self, batch: PairBatch, samples: list[Sample]) -> Tensor:
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self._rate(self.step)
        loss = self._loss(batch, samples)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self._optimizer.step()
        share = 1 - min(self.recipe.average, self.step / (self.step + _AVERAGE_FROM))
        with torch.no_grad():
            torch._foreach_lerp_(self._average, self._trained, share)
        return loss.detach()

    def _loss(self, batch: PairBatch, samples: list[Sample]) -> Tensor:
        ids, segments, mask = (
            torch.from_numpy(part).to(self.device, non_blocking=True)
            for part in (batch.ids, batch.segments, batch.mask)
        )
        devices = [self.device] if self.device.type == "cuda" else []
        # Seeded for each step: dropout is the same after a restart, and the caller's random numbers too.
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                scores, places = self.model(ids, segments, mask)
        loss = ranking_loss(scores, samples, pointwise_weight=self.recipe.pointwise_weight)
        if places is not None:
            loss = loss + self.recipe.reader_weight * reader_loss(places, batch, samples)
        return loss

    def _rate(self, step: int) -> float:
        warm = max(1, int(self.recipe.warmup * self.n_steps))
        if step < warm:
            return (step + 1) / warm
        return max(0.0, (self.n_steps - step) / max(1, self.n_steps - warm))


def _copy(values: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for value, target in zip(values, targets, strict=True):
            target.copy_(value)


def _like(value: Tensor, array: NDArray[np.generic], name: str) -> Tensor:
    if tuple(value.shape) != array.shape:
        raise ValueError(f"{name}: shape {array.shape}, expected {tuple(value.shape)}")
    return torch.from_numpy(np.array(array))
