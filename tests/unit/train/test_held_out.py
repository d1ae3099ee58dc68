"""Of the standings of a training the best is told by its rankings or by its loss."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

from ragkit.train.held_out import Standing, best_of, judged  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("ndcg", "loss", "by_ndcg", "by_loss"),
    [
        ([0.9], [0.5], 0, 0),
        ([0.9, 0.9], [0.5, 0.5], 0, 0),  # the first among equals
        ([0.9, 0.9], [0.5, 0.4], 0, 1),
        ([0.9, 0.91], [0.5, 0.6], 1, 0),
        ([0.9, 0.90002], [0.5, 0.49998], 0, 0),  # no difference
        ([0.9, 0.90007, 0.90014], [0.5, 0.49993, 0.49986], 2, 2),  # one that adds up
        ([0.8, 0.91, 0.91, 0.9, 0.91], [0.7, 0.6, 0.4, 0.1, 0.5], 1, 3),
    ],
)
def test_the_best_is_told_by_one_measure(
    ndcg: list[float], loss: list[float], by_ndcg: int, by_loss: int
) -> None:
    stood = [
        Standing(20 * number, ndcg=one, reciprocal_rank=one, loss=lost)
        for number, (one, lost) in enumerate(zip(ndcg, loss, strict=True))
    ]
    assert best_of(stood, "nDCG@10") == by_ndcg
    assert best_of(stood, "loss") == by_loss


def test_the_loss_is_the_cross_entropy_of_each_answer_among_the_others() -> None:
    one, two = [0.3, 1.2, -0.5], [2.0, -1.0, 0.5, 0.1]
    found = judged([one, two], [1, 2], step=7)
    expected = [
        -torch.log_softmax(torch.tensor(logits), dim=0)[0]
        for logits in (one, [2.0, 0.5, 0.1], [-1.0, 0.5, 0.1])
    ]
    assert found.loss == pytest.approx(float(expected[0] + (expected[1] + expected[2]) / 2) / 2)
    assert (found.step, found.reciprocal_rank) == (7, 0.75)


def test_a_score_far_from_the_others_costs_as_much_as_it_is_far() -> None:
    assert judged([[-2000.0, 0.0]], [1], step=0).loss == pytest.approx(2000.0)
    assert judged([[2000.0, 0.0]], [1], step=0).loss == 0.0
