"""Which of several chat models is the cheapest, and which the fastest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ragkit.chat import ChatModel
from ragkit.models.metered import Metered, price_of

# A question with its passages is about so many times as long as its answer.
INPUT_WEIGHT = 8.0


def cost_of(model: ChatModel) -> float | None:
    """What a typical call costs, in a unit of its own; None where the model has no price."""
    price = price_of(model)
    return None if price is None else INPUT_WEIGHT * price.input + price.output


def cheaper(one: ChatModel, other: ChatModel) -> bool:
    """Whether one model is known to cost less than another."""
    mine, theirs = cost_of(one), cost_of(other)
    return mine is not None and theirs is not None and mine < theirs


def cheapest(models: Sequence[ChatModel]) -> ChatModel:
    """The one with the lowest price, of equals the first; the first of all where one has no price."""
    costs = [cost_of(model) for model in models]
    known = [cost for cost in costs if cost is not None]
    return models[costs.index(min(known))] if len(known) == len(costs) else models[0]


def fastest(models: Sequence[ChatModel]) -> ChatModel:
    """The one that has answered fastest so far; the cheapest where one has not been asked yet."""
    seconds = [_seconds(model) for model in models]
    if math.inf in seconds:
        return cheapest(models)
    return models[seconds.index(min(seconds))]


def _seconds(model: ChatModel) -> float:
    return model.seconds.usual if isinstance(model, Metered) and model.seconds.n else math.inf
