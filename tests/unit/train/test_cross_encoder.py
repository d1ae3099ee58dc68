"""The torch model: weights in and out, and what a row's result depends on."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

from ragkit.errors import ModelError  # noqa: E402
from tests.unit.train import tiny  # noqa: E402

pytestmark = pytest.mark.torch


def test_weights_come_out_as_they_went_in() -> None:
    weights = tiny.model(1, reader=True).weights()
    other = tiny.model(2, reader=True)
    other.take(weights)
    assert all(np.array_equal(value, weights[name]) for name, value in other.weights().items())


def test_weights_are_copies_that_later_training_leaves_alone() -> None:
    model = tiny.model()
    before = model.weights()["classifier.weight"].copy()
    taken = model.weights()
    with torch.no_grad():
        model.classifier.weight.add_(1.0)
    assert np.array_equal(taken["classifier.weight"], before)


def test_a_head_that_the_weights_lack_stays_as_it_is() -> None:
    encoder = {k: v for k, v in tiny.model(1).weights().items() if not k.startswith("classifier")}
    model = tiny.model(2)
    head = model.weights()["classifier.weight"]
    model.take(encoder)
    assert np.array_equal(model.weights()["classifier.weight"], head)


def test_missing_and_misshapen_weights_are_named() -> None:
    weights = tiny.model().weights()
    with pytest.raises(ModelError, match=r"the weights lack embeddings\.LayerNorm\.bias"):
        tiny.model().take({k: v for k, v in weights.items() if k != "embeddings.LayerNorm.bias"})
    with pytest.raises(ModelError, match=r"classifier.weight has the shape \(1, 3\), expected \(1, 16\)"):
        tiny.model().take({**weights, "classifier.weight": np.zeros((1, 3), np.float32)})


def test_a_score_does_not_depend_on_what_fills_the_row_up() -> None:
    model = tiny.model().eval()
    ids, segments = torch.tensor([[101, 120, 102, 130, 102]]), torch.tensor([[0, 0, 0, 1, 1]])
    mask = torch.ones(1, 5, dtype=torch.bool)
    filled = [torch.nn.functional.pad(part, (0, 7)) for part in (ids, segments, mask)]
    with torch.no_grad():
        assert torch.allclose(model(ids, segments, mask)[0], model(*filled)[0], atol=1e-6)
