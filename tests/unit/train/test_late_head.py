"""A head learns what to ask with, resumes to the same numbers, and its file gives what torch gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

import torch

from ragkit.models.token_vectors import Codes, Question, packed
from ragkit.rerank.blend import Blend
from ragkit.train.fit import fit
from ragkit.train.fit_plan import FitPlan
from ragkit.train.head_graph import head_graph, head_weights
from ragkit.train.head_groups import HeadGroup, digest
from ragkit.train.late_head import HeadTrainer, LateHead
from ragkit.train.recipe import Recipe

pytestmark = pytest.mark.torch
WIDTH = 64
RECIPE = Recipe(epochs=4, groups_per_step=8, group_size=6, learning_rate=2e-3)
BLEND = Blend.given("small", {"model": 0.4, "first": 0.8})


def head() -> LateHead:
    return LateHead(WIDTH, scale=25.0, blend=BLEND)


def groups(n: int, seed: int = 0) -> list[HeadGroup]:
    """The answer holds the question's vectors as they are when one fixed map has turned them."""
    turned = np.linalg.qr(np.random.default_rng(9).normal(size=(WIDTH, WIDTH)))[0]
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        vectors = unit(rng.normal(size=(4, WIDTH)))
        passages = [unit(rng.normal(size=(12, WIDTH))) for _ in range(8)]
        passages[0][:4] = unit(0.4 * vectors + vectors @ turned)
        passages[1][:4] = unit(0.6 * vectors + rng.normal(size=(4, WIDTH)) / 8)
        first = rng.normal(size=8).astype(np.float32)
        signs = tuple(packed(passage.astype(np.float32)) for passage in passages)
        made.append(HeadGroup(vectors.astype(np.float32), np.ones(4, np.float32), signs, 1, first))
    return made


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def test_it_begins_as_the_model_beneath_blended_with_the_first_stage() -> None:
    (group,) = groups(1)
    expected = 25.0 * Question(group.vectors, group.weights).match(group.passages)
    with torch.inference_mode():
        assert head().scores(group, group.passages).numpy() == pytest.approx(expected, abs=1e-3)
        logits = head()(group, group.passages, group.first).numpy()
    assert logits == pytest.approx(BLEND.model * expected + BLEND.first * group.first, abs=1e-3)
    assert head().blend() == pytest.approx((BLEND.model, BLEND.first))


def test_it_learns_what_holds_for_questions_that_it_has_not_seen(tmp_path: Path) -> None:
    trainer = HeadTrainer(head(), groups(160), RECIPE)
    fitted = fit(trainer, FitPlan(groups(60, seed=1), checkpoint=tmp_path / "c.npz", settings={}))
    assert fitted.standings[0].ndcg < 0.75
    assert fitted.best.ndcg > fitted.standings[0].ndcg + 0.1


def test_a_stopped_training_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    whole, first, second = (HeadTrainer(head(), groups(40), RECIPE) for _ in range(3))
    plan = FitPlan(groups(10, seed=1), checkpoint=tmp_path / "a.npz", settings={}, patience=99)
    fit(whole, plan)
    taken: list[int] = []
    parts = replace(plan, checkpoint=tmp_path / "b.npz")
    stopped = fit(
        first,
        parts,
        on_event=lambda event: taken.append(event.step),
        is_stopped=lambda: taken[-1] >= 7,
    )
    assert stopped.ending == "stopped"
    assert fit(second, parts).ending == "all steps"
    after = second.head.weights()
    assert all(np.array_equal(value, after[name]) for name, value in whole.head.weights().items())
    assert second.head.blend() == whole.head.blend()


def test_the_file_gives_what_torch_gives() -> None:
    import onnxruntime

    trained = HeadTrainer(head(), groups(40), RECIPE)
    trained.run()
    weights = trained.head.weights()
    content = head_graph(weights).SerializeToString()
    assert all(np.array_equal(value, weights[name]) for name, value in head_weights(content).items())
    (group,) = groups(1, seed=5)
    with torch.inference_mode():
        vectors, counts = trained.head.question(
            torch.from_numpy(group.vectors), torch.from_numpy(group.weights)
        )
    found = onnxruntime.InferenceSession(content).run(
        None, {"vectors": group.vectors[None], "weights": group.weights[None]}
    )
    assert found[0][0] == pytest.approx(vectors.numpy(), abs=1e-5)
    assert found[1][0] == pytest.approx(counts.numpy(), abs=1e-5)
    assert np.abs(vectors.numpy() - group.vectors).max() > 1e-3


def test_a_passage_without_a_token_has_0() -> None:
    (group,) = groups(1)
    nothing: Codes = np.zeros((0, WIDTH // 8), np.uint8)
    with torch.inference_mode():
        assert head().scores(group, [nothing, group.passages[0]])[0] == 0


def test_a_sample_has_the_hardest_others_and_one_answer() -> None:
    (group,) = groups(1)
    rng = np.random.default_rng(0)
    passages, first = group.sample(5, rng)
    assert len(passages) == 5
    for place in range(3):  # the answer, and the two hardest
        assert passages[place] is group.passages[place]
    assert first[:3].tolist() == group.first[:3].tolist()
    assert len(group.sample(99, rng)[0]) == 8


def test_the_checksum_tells_groups_apart() -> None:
    one = groups(3)
    assert digest(one) == digest(groups(3))
    assert digest(one) != digest(groups(3, seed=1))
    assert digest(one) != digest([*one[:2], replace(one[2], first=one[2].first + 1)])
