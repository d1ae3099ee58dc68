"""How to train: every number that shapes the result."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.errors import ConfigError

MOST_SEED = 2**32 - 1  # what numpy, torch and the tests of the report all take


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Args:
        epochs: times that every group is seen.
        groups_per_step: groups that one update takes.
        group_size: passages of a group, at least 2.
        learning_rate: its peak.
        warmup: share of the steps over which the rate rises.
        weight_decay: of matrices.
        max_tokens: longest pair, in tokens.
        max_query_tokens: longest question.
        pointwise_weight: see `ragkit.train.loss`.
        reader_weight: see `ragkit.train.loss`.
        average: decay of the averaged weights per step, in [0, 1).
        freeze_words: leaves the token table as it is: words that the questions lack keep their meaning.
        seed: of order, choice of passages and dropout.

    Raises:
        ConfigError: a number is out of its range.

    >>> Recipe(epochs=2).groups_per_step
    8
    """

    epochs: int = 3
    groups_per_step: int = 8
    group_size: int = 8
    learning_rate: float = 5e-5
    warmup: float = 0.06
    weight_decay: float = 0.01
    max_tokens: int = 384
    max_query_tokens: int = 192
    pointwise_weight: float = 0.2
    reader_weight: float = 0.5
    average: float = 0.99
    freeze_words: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, is_right, expected in (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("groups_per_step", self.groups_per_step >= 1, "at least 1"),
            ("group_size", self.group_size >= 2, "at least 2: one relevant passage and one other"),
            ("learning_rate", 0 < self.learning_rate < 1, "between 0 and 1"),
            ("warmup", 0 <= self.warmup < 1, "from 0 to below 1"),
            ("average", 0 <= self.average < 1, "from 0 to below 1"),
            ("seed", 0 <= self.seed <= MOST_SEED, "a whole number from 0 to 4294967295"),
            ("max_query_tokens", self.max_query_tokens >= 1, "at least 1"),
            ("max_tokens", self.max_tokens > self.max_query_tokens + 3, "more than max_query_tokens + 3"),
        ):
            if not is_right:
                raise ConfigError(f"training: {name} is {getattr(self, name)}: expected {expected}")
