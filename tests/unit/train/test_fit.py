"""A watched training stops when it gains no more, goes on after an interruption, and ends in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

from torch import Tensor

from ragkit.errors import ConfigError, ModelError
from ragkit.train.checkpoint import load_checkpoint, save_checkpoint
from ragkit.train.fit import fit
from ragkit.train.fit_plan import FitEvent, FitPlan
from ragkit.train.groups import Group, Sample
from ragkit.train.held_out import Standing, standing
from ragkit.train.pairs import PairBatch
from ragkit.train.recipe import Recipe
from ragkit.train.stepping import State
from ragkit.train.trainer import Trainer
from tests.unit.train import tiny

pytestmark = pytest.mark.torch
RECIPE = Recipe(
    epochs=6, groups_per_step=4, group_size=4, learning_rate=5e-3, max_tokens=32, max_query_tokens=8
)


def trainer(recipe: Recipe = RECIPE) -> Trainer:
    return Trainer(tiny.model(), tiny.groups(40), recipe)


def plan(folder: Path, **changes: object) -> FitPlan:
    made = FitPlan(tiny.groups(12), checkpoint=folder / "c.npz", settings={"a": 1}, patience=99)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_weights_that_did_best_are_kept(tmp_path: Path) -> None:
    running = trainer()
    fitted = fit(running, plan(tmp_path))
    assert fitted.ending == "all steps"
    assert [one.step for one in fitted.standings] == [0, 20, 40, 60]
    assert fitted.best.ndcg == max(one.ndcg for one in fitted.standings) > fitted.standings[0].ndcg
    again = standing(running.model.eval(), tiny.groups(12), RECIPE, step=0, half=running.half)
    assert again.ndcg == pytest.approx(fitted.best.ndcg)


class _Judged(Trainer):
    """Stands as it is told to."""

    standings: Sequence[float]

    def standing(self, held_out: Sequence[Group]) -> Standing:
        ndcg, *self.standings = self.standings
        return Standing(self.step, ndcg=ndcg, reciprocal_rank=ndcg, loss=1 - ndcg)


@pytest.mark.parametrize(
    ("stands", "kept"), [((0.5, 0.50005, 0.4, 0.50008), 0), ((0.5, 0.50006, 0.50012, 0.4), 40)]
)
def test_the_step_that_is_said_to_be_kept_is_the_one_whose_weights_are(
    tmp_path: Path, stands: Sequence[float], kept: int
) -> None:
    running, other = _Judged(tiny.model(), tiny.groups(40), RECIPE), trainer()
    running.standings = stands
    fitted = fit(running, plan(tmp_path))
    assert fitted.best.step == kept
    other.run(kept)
    other.use_average()
    after = other.model.weights()
    assert all(np.array_equal(value, after[name]) for name, value in running.model.weights().items())


def test_by_the_loss_the_weights_of_the_least_loss_are_kept(tmp_path: Path) -> None:
    running = trainer()
    fitted = fit(running, plan(tmp_path, by="loss"))
    by_ndcg = max(fitted.standings, key=lambda one: one.ndcg)
    assert fitted.best.loss == min(one.loss for one in fitted.standings) < by_ndcg.loss
    again = standing(running.model.eval(), tiny.groups(12), RECIPE, step=0, half=running.half)
    assert again.loss == pytest.approx(fitted.best.loss)


@pytest.mark.parametrize("stop", [3, 20, 33])
def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, stop: int) -> None:
    whole, first, second = trainer(), trainer(), trainer()
    fit(whole, plan(tmp_path / "whole"))
    taken: list[int] = []
    stopped = fit(
        first,
        plan(tmp_path / "parts"),
        on_event=lambda event: taken.append(event.step),
        is_stopped=lambda: taken[-1] >= stop,
    )
    assert stopped.ending == "stopped"
    fitted = fit(second, plan(tmp_path / "parts"))
    assert fitted.ending == "all steps"
    after = second.model.weights()
    assert all(np.array_equal(value, after[name]) for name, value in whole.model.weights().items())


def test_it_ends_when_nothing_is_gained_any_more(tmp_path: Path) -> None:
    still = replace(RECIPE, learning_rate=1e-9)
    fitted = fit(trainer(still), plan(tmp_path, patience=2))
    assert fitted.ending == "no more gain"
    assert fitted.standings[-1].step == 40
    assert fitted.best.step == 0


def test_how_long_it_will_take_is_told_after_the_first_steps(tmp_path: Path) -> None:
    notes: list[str] = []
    fit(trainer(), plan(tmp_path), on_event=lambda event: notes.append(event.note))
    assert any("54 steps of" in note and "to go at most" in note for note in notes)


def test_a_checkpoint_of_other_settings_or_of_another_model_is_refused(tmp_path: Path) -> None:
    fit(trainer(), plan(tmp_path), is_stopped=lambda: True)
    with pytest.raises(ConfigError, match="a was 1, is 2"):
        fit(trainer(), plan(tmp_path, settings={"a": 2}))
    other = Trainer(tiny.model(reader=True), tiny.groups(40), RECIPE)
    with pytest.raises(ModelError, match="is damaged"):
        fit(other, plan(tmp_path))


def test_a_loss_that_is_no_number_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    from torch.nn import Linear

    broken = trainer()
    head = broken.model.classifier
    assert isinstance(head, Linear)
    head.bias.data.fill_(float("nan"))
    with pytest.raises(ModelError, match="--learning-rate"):
        fit(broken, plan(tmp_path))


@pytest.mark.parametrize("step", [0, 21, 59])
def test_weights_that_are_no_numbers_are_never_judged(tmp_path: Path, step: int) -> None:
    spoilt = _Spoilt(tiny.model(), tiny.groups(40), RECIPE)
    spoilt.at = step
    found = "to start from again" if step == 0 else "--learning-rate"
    with pytest.raises(ModelError, match=found):
        fit(spoilt, plan(tmp_path))


class _Spoilt(Trainer):
    """Has an averaged weight that is no number from step `at` on."""

    at = 0

    def averaged_weights(self) -> State:
        weights = super().averaged_weights()
        if self.step >= self.at:
            weights["classifier.bias"] = np.full_like(weights["classifier.bias"], np.nan)
        return weights


@pytest.mark.parametrize("damage", ["lost", "shape", "weights"])
def test_a_checkpoint_that_lacks_tensors_is_refused_at_once(tmp_path: Path, damage: str) -> None:
    fit(trainer(), plan(tmp_path), is_stopped=lambda: True)
    saved = load_checkpoint(tmp_path / "c.npz", {"a": 1})
    assert saved is not None
    tensors = dict(saved.tensors)
    if damage == "lost":
        del tensors["best/classifier.weight"]
    elif damage == "shape":
        tensors["best/classifier.weight"] = np.zeros((1, 3), np.float32)
    else:
        del tensors["weight/classifier.weight"]
    save_checkpoint(tmp_path / "c.npz", replace(saved, tensors=tensors))
    with pytest.raises(ModelError, match=r"c\.npz is damaged: .*classifier\.weight.*--restart"):
        fit(trainer(), plan(tmp_path), is_stopped=lambda: True)


class _Slow(Trainer):
    """Every step takes a second, every judgement ten, by a clock of its own."""

    now = 0.0

    def standing(self, held_out: Sequence[Group]) -> Standing:
        self.now += 10
        return super().standing(held_out)

    def loss(self, batch: tuple[PairBatch, list[Sample]]) -> Tensor:
        self.now += 1
        return super().loss(batch)


def test_it_says_how_many_steps_fit_into_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[FitEvent] = []
    slow = _Slow(tiny.model(), tiny.groups(40), replace(RECIPE, epochs=5000))
    monkeypatch.setattr("ragkit.train.fit.time", SimpleNamespace(monotonic=lambda: slow.now))
    fitted = fit(slow, plan(tmp_path, time_limit_s=60.0), on_event=notes.append)
    assert fitted.ending in {"all steps", "time limit"}
    assert any("fit into the time limit" in event.note for event in notes)
    assert notes[-1].n_steps < 60


@pytest.mark.parametrize("limit_s", [25.0, 47.0, 100.0])
def test_the_last_judgement_finds_room_in_the_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_s: float
) -> None:
    slow = _Slow(tiny.model(), tiny.groups(40), replace(RECIPE, epochs=500))
    monkeypatch.setattr("ragkit.train.fit.time", SimpleNamespace(monotonic=lambda: slow.now))
    fitted = fit(slow, plan(tmp_path, time_limit_s=limit_s))
    assert 0.8 * limit_s - 5 <= fitted.seconds <= limit_s
    assert fitted.standings[-1].step == slow.step > 0
