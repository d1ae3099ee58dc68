"""Takes the steps of a training: AdamW with linear warm-up and decay, and the average of the weights.

What is kept in the end is the exponential average of the weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ragkit.train.held_out import Standing
from ragkit.train.recipe import Recipe

State = dict[str, NDArray[np.generic]]
Batch = TypeVar("Batch")

_AVERAGE_FROM = 10  # steps until the average is over about half of what was seen


class Stepping(ABC, Generic[Batch]):
    """Trains `model`, a step at a time; can be stopped after any step and go on later.

    A training that is stopped, saved with `state`, restored in another process and run to its end gives the
    same weights, bit for bit, as one that was never stopped, on the same machine with as many threads.

    Args:
        model: changed in place, on its device.
        recipe: how.
        n_groups: that an epoch has.
        device: of the model.
        faster: names of parameters with what their learning rate is multiplied by.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        *,
        n_groups: int,
        device: str,
        faster: Mapping[str, float] | None = None,
    ) -> None:
        self.recipe = recipe
        self.device = torch.device(device)
        self.n_steps = recipe.epochs * -(-n_groups // recipe.groups_per_step)
        self.step = 0
        self._module = model
        named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
        self._names = [name for name, _ in named]
        self._trained: list[Tensor] = [value for _, value in named]
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(named, faster or {}),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=self.device.type == "cuda",
        )
        self._average = [value.detach().clone() for value in self._trained]

    @abstractmethod
    def batches(self, after: int) -> Iterator[Batch]:
        """What each step learns from, in order, without those of the first `after` steps."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """What the step makes small."""

    @abstractmethod
    def standing(self, held_out: Sequence[Any]) -> Standing:
        """How well the averaged weights rank groups that are not learnt from."""

    def run(self, until: int | None = None, on_step: Callable[[int, Tensor], bool] | None = None) -> None:
        """Takes the steps up to number `until`, all by default.

        Args:
            until: step to stop at.
            on_step: called with the number of steps taken and the loss; training stops where it gives True.
        """
        self._module.train()
        for batch in self.batches(self.step):
            if self.step >= (self.n_steps if until is None else min(until, self.n_steps)):
                return
            loss = self._update(batch)
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
    def averaged(self) -> Iterator[None]:
        """For the time of the block the model has the averaged weights, and is in evaluation mode."""
        kept = [value.detach().clone() for value in self._trained]
        _copy(self._average, self._trained)
        self._module.eval()
        try:
            yield
        finally:
            _copy(kept, self._trained)
            self._module.train()

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

    def _update(self, batch: Batch) -> Tensor:
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * group["faster"] * self._rate(self.step)
        loss = self.loss(batch)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self._optimizer.step()
        share = 1 - min(self.recipe.average, self.step / (self.step + _AVERAGE_FROM))
        with torch.no_grad():
            torch._foreach_lerp_(self._average, self._trained, share)
        return loss.detach()

    def _rate(self, step: int) -> float:
        warm = max(1, int(self.recipe.warmup * self.n_steps))
        if step < warm:
            return (step + 1) / warm
        return max(0.0, (self.n_steps - step) / max(1, self.n_steps - warm))


def _parameter_groups(
    named: Sequence[tuple[str, Tensor]], faster: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Matrices decay, and what is to learn faster stands apart."""
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for name, value in named:
        groups.setdefault((faster.get(name, 1.0), value.ndim > 1), []).append(value)
    return [
        {"params": values, "faster": times, **({} if is_matrix else {"weight_decay": 0.0})}
        for (times, is_matrix), values in groups.items()
    ]


def _copy(values: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for value, target in zip(values, targets, strict=True):
            target.copy_(value)


def _like(value: Tensor, array: NDArray[np.generic], name: str) -> Tensor:
    if tuple(value.shape) != array.shape:
        raise ValueError(f"{name}: shape {array.shape}, expected {tuple(value.shape)}")
    return torch.from_numpy(np.array(array))
