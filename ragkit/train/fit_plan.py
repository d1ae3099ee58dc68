"""How a training is watched, what is told of it, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ragkit.train.held_out import METRIC, By, Standing

Ending = Literal["all steps", "no more gain", "time limit", "stopped"]


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How a training is watched.

    Args:
        held_out: groups to judge it by, as the trainer takes them; none of them is learnt from.
        checkpoint: the file that it is saved in.
        settings: what decides the steps: a checkpoint of others is refused.
        by: the measure that tells which weights are best.
        patience: judgements without gain after which it ends.
        time_limit_s: for this call, judgements included; None: none.
    """

    held_out: Sequence[Any] = field(repr=False)
    checkpoint: Path = field(kw_only=True)
    settings: Mapping[str, Any] = field(kw_only=True)
    by: By = field(default=METRIC, kw_only=True)
    patience: int = field(default=4, kw_only=True)
    time_limit_s: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class FitEvent:
    """Word of a training: a step was taken, or (with `note`) something is to be told."""

    step: int
    n_steps: int = field(kw_only=True)
    loss: float = field(kw_only=True)
    note: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a training ended; the model then holds the weights that did best on the held-out groups.

    Args:
        ending: why it ended; `stopped`: it can go on, and the model is not to be used yet.
        standings: all judgements, in order.
        by: the measure that told which are best.
        best: the one whose weights are kept.
        seconds: of this call.
    """

    ending: Ending
    standings: tuple[Standing, ...] = field(kw_only=True)
    by: By = field(kw_only=True)
    best: Standing = field(kw_only=True)
    seconds: float = field(kw_only=True)
