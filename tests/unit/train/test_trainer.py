"""A training learns, stops, and goes on as if it had never stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

from ragkit.errors import ConfigError  # noqa: E402
from ragkit.train.recipe import Recipe  # noqa: E402
from ragkit.train.trainer import Trainer  # noqa: E402
from tests.unit.train import tiny  # noqa: E402

pytestmark = pytest.mark.torch
RECIPE = Recipe(
    epochs=2, groups_per_step=4, group_size=4, learning_rate=5e-3, max_tokens=32, max_query_tokens=8
)


def trainer(recipe: Recipe = RECIPE, *, n: int = 40) -> Trainer:
    return Trainer(tiny.model(), tiny.groups(n), recipe)


def test_training_lowers_the_loss() -> None:
    losses: list[float] = []

    def noted(step: int, loss: Any) -> bool:
        losses.append(float(loss))
        return False

    taught = trainer(replace(RECIPE, epochs=4))
    taught.run(on_step=noted)
    assert len(losses) == taught.n_steps == 40
    assert np.mean(losses[-5:]) < 0.65 * np.mean(losses[:5])


@pytest.mark.parametrize("stop", [1, 7, 10, 13])
def test_a_restored_training_ends_with_the_same_weights_bit_for_bit(stop: int) -> None:
    whole = trainer()
    whole.run()
    first = trainer()
    first.run(until=stop)
    second = trainer()
    second.restore(first.state())
    torch.rand(3)  # what else draws random numbers does not matter
    second.run()
    whole.use_average()
    second.use_average()
    after = second.model.weights()
    assert second.step == whole.step == 20
    assert all(np.array_equal(value, after[name]) for name, value in whole.model.weights().items())


def test_a_state_is_a_copy_that_later_steps_leave_alone() -> None:
    running = trainer()
    running.run(until=3)
    state = running.state()
    kept = {name: value.copy() for name, value in state.items()}
    running.run(until=6)
    assert all(np.array_equal(kept[name], state[name]) for name in kept)


def test_a_state_of_another_model_is_refused() -> None:
    state = trainer().state()
    name = "weight/classifier.weight"
    with pytest.raises(ValueError, match=r"classifier\.weight: shape"):
        trainer().restore({**state, name: np.zeros((1, 5), np.float32)})


def test_on_step_can_stop_the_training() -> None:
    running = trainer()
    running.run(on_step=lambda step, loss: step == 5)
    assert running.step == 5


def test_a_shortened_training_ends_sooner() -> None:
    running = trainer()
    running.run(until=2)
    running.shorten(6)
    running.run()
    assert running.step == 6


def test_the_token_table_stays_as_it_is_unless_asked_for() -> None:
    name = "embeddings.word_embeddings.weight"
    before = tiny.model().weights()[name]
    frozen, free = trainer(), trainer(replace(RECIPE, freeze_words=False))
    frozen.run(until=2)
    free.run(until=2)
    assert np.array_equal(frozen.model.weights()[name], before)
    assert not np.array_equal(free.model.weights()[name], before)


def test_averaged_weights_are_lent_for_the_time_of_the_block() -> None:
    running = trainer()
    running.run(until=15)
    before = running.model.weights()["classifier.weight"]
    with running.averaged():
        averaged = running.model.weights()["classifier.weight"]
        was_training = running.model.training
    assert not was_training
    assert running.model.training
    assert np.array_equal(running.model.weights()["classifier.weight"], before)
    running.use_average()
    assert np.array_equal(running.model.weights()["classifier.weight"], averaged)


def test_pairs_longer_than_the_model_reads_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_tokens is 384, and the model has 32"):
        Trainer(tiny.model(), tiny.groups(4), Recipe())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"group_size": 1}, "group_size is 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"max_tokens": 100, "max_query_tokens": 98}, "max_tokens is 100"),
    ],
)
def test_a_recipe_out_of_range_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recipe(**change)  # type: ignore[arg-type]
