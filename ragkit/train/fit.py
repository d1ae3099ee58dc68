"""A training from its first or its next step to its end: judged and saved on the way, ended in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from ragkit.errors import ModelError
from ragkit.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from ragkit.train.fit_plan import Ending, FitEvent, FitPlan, Fitted
from ragkit.train.held_out import Standing, best_of
from ragkit.train.stepping import State, Stepping

_JUDGED = 12  # times in a training
_LEAST_BETWEEN = 20  # steps between two judgements
_MEASURED = 6  # steps that tell how long the others take; the first is slower
_SAVED_EVERY_S = 300.0
_LOWER = "Lower the learning rate with --learning-rate, and start again with --restart"


def fit(
    trainer: Stepping[Any],
    plan: FitPlan,
    *,
    on_event: Callable[[FitEvent], None] = lambda _: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Fitted:
    """Trains to the end, or goes on from the plan's checkpoint where there is one.

    Args:
        trainer: before its first step.
        plan: how it is watched.
        on_event: is told of each step and each judgement.
        is_stopped: asked after each step; once true, all is saved and `stopped` comes back.

    Raises:
        ModelError: the checkpoint is damaged or cannot be written, or the loss is no finite number.
        ConfigError: the checkpoint is of another training.
    """
    return _Fit(trainer, plan, on_event, is_stopped).run()


class _Fit:
    def __init__(
        self,
        trainer: Stepping[Any],
        plan: FitPlan,
        on_event: Callable[[FitEvent], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._trainer = trainer
        self._plan = plan
        self._on_event = on_event
        self._is_stopped = is_stopped
        self._standings: list[Standing] = []
        self._best: State = {}
        self._ending: Ending = "all steps"
        self._clock = time.monotonic
        self._began = self._saved = self._clock()
        self._stepped: list[float] = []
        self._loss = float("nan")

    def run(self) -> Fitted:
        if not self._restore():
            self._space_out()
            self._judge()
        if self._is_idle():
            self._ending = "no more gain"
        else:
            self._trainer.run(on_step=self._after_step)
        if self._ending != "stopped":
            if self._standings[-1].step != self._trainer.step:
                self._judge()
            self._save()
            self._trainer.restore_weights(self._best)
        return Fitted(
            self._ending,
            standings=tuple(self._standings),
            by=self._plan.by,
            best=self._standings[self._best_place()],
            seconds=self._clock() - self._began,
        )

    def _after_step(self, step: int, loss: Tensor) -> bool:
        self._stepped.append(self._clock())
        if step % 10 == 0 or len(self._stepped) < 3:  # on a GPU, reading a value waits for it
            self._loss = float(loss)
            if not np.isfinite(self._loss):
                raise ModelError(f"training: the loss is {self._loss} after step {step:,}. {_LOWER}")
        self._tell("")
        if len(self._stepped) == _MEASURED:
            self._foresee()
        if step % self._every == 0:
            self._judge()
            self._save()
            if self._is_idle():
                self._ending = "no more gain"
                return True
        if self._clock() - self._saved > _SAVED_EVERY_S:
            self._save()
        return self._is_over()

    def _is_over(self) -> bool:
        if self._is_stopped():
            self._save()
            self._ending = "stopped"
            return True
        if self._plan.time_limit_s is not None and self._left() < self._step_s() + self._judged_s:
            self._ending = "time limit"
            return True
        return False

    def _left(self) -> float:
        """Seconds of the limit that are left; the last judgement has to find room in them."""
        assert self._plan.time_limit_s is not None
        return self._plan.time_limit_s - (self._clock() - self._began)

    def _step_s(self) -> float:
        """How long the last steps took, each."""
        last = self._stepped[-_MEASURED:]
        return (last[-1] - last[0]) / (len(last) - 1) if len(last) > 1 else 0.0

    def _foresee(self) -> None:
        """Says how long it will take, and shortens a training that would not end in time."""
        step_s = (self._stepped[-1] - self._stepped[0]) / (_MEASURED - 1)
        judged_s = self._judged_s * (1 + (self._trainer.n_steps - self._trainer.step) / self._every)
        left = self._trainer.n_steps - self._trainer.step
        limit = self._plan.time_limit_s
        if limit is not None:
            spent = self._clock() - self._began
            able = max(
                1, int((0.95 * limit - spent - self._judged_s) / (step_s + self._judged_s / self._every))
            )
            if able < left:
                self._trainer.shorten(self._trainer.step + able)
                self._space_out()
                self._tell(f"{able:,} of {left:,} steps fit into the time limit; the rate falls to 0 by then")
                return
        self._tell(
            f"{left:,} steps of {step_s:.2f} s: about {_duration(left * step_s + judged_s)} to go at most"
        )

    def _space_out(self) -> None:
        self._every = max(_LEAST_BETWEEN, -(-self._trainer.n_steps // _JUDGED))

    def _judge(self) -> None:
        start = self._clock()
        weights = self._finite_weights()
        found = self._trainer.standing(self._plan.held_out)
        self._judged_s = self._clock() - start
        self._standings.append(found)
        if self._best_place() == len(self._standings) - 1:
            self._best = weights
        self._tell(str(found))

    def _finite_weights(self) -> State:
        """The averaged weights; NaN has no place in a ranking, and might come first in one."""
        weights = self._trainer.averaged_weights()
        bad = next((name for name, value in weights.items() if not np.isfinite(value).all()), None)
        if bad is not None:
            step = self._trainer.step
            remedy = _LOWER if step else "Train or fetch the model to start from again, or leave out --from"
            raise ModelError(f"training: {bad} holds NaN or infinity after step {step:,}. {remedy}")
        return weights

    def _is_idle(self) -> bool:
        """Whether the last judgements brought no gain."""
        return len(self._standings) - 1 - self._best_place() >= self._plan.patience

    def _best_place(self) -> int:
        return best_of(self._standings, self._plan.by)

    def _save(self) -> None:
        tensors = self._trainer.state() | {f"best/{name}": value for name, value in self._best.items()}
        notes = {
            "standings": [[one.step, one.ndcg, one.reciprocal_rank, one.loss] for one in self._standings],
            "judged_s": self._judged_s,
            "every": self._every,
        }
        save_checkpoint(self._plan.checkpoint, Checkpoint(self._plan.settings, tensors=tensors, notes=notes))
        self._saved = self._clock()

    def _restore(self) -> bool:
        found = load_checkpoint(self._plan.checkpoint, self._plan.settings)
        if found is None:
            return False
        try:
            self._trainer.restore(found.tensors)
            self._standings = [
                Standing(int(step), ndcg=ndcg, reciprocal_rank=rank, loss=loss)
                for step, ndcg, rank, loss in found.notes["standings"]
            ]
            self._judged_s, self._every = float(found.notes["judged_s"]), int(found.notes["every"])
            self._best = self._checked_best(found)
        except (LookupError, ValueError, TypeError, RuntimeError) as error:
            raise ModelError(
                f"{self._plan.checkpoint} is damaged: {error}. Remove it, or run with --restart, to train "
                "from the beginning"
            ) from error
        self._tell(f"going on after step {self._trainer.step:,} of {self._trainer.n_steps:,}")
        return True

    def _checked_best(self, found: Checkpoint) -> State:
        best: State = {}
        for name, value in self._trainer.averaged_weights().items():
            best[name] = found.tensors[f"best/{name}"]
            if best[name].shape != value.shape:
                raise ValueError(f"best/{name}: shape {best[name].shape}, expected {value.shape}")
        if not self._standings:
            raise ValueError("it has no judgement")
        return best

    def _tell(self, note: str) -> None:
        trainer = self._trainer
        self._on_event(FitEvent(trainer.step, n_steps=trainer.n_steps, loss=self._loss, note=note))


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
