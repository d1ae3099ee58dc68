"""Loss values worked out by hand, and the direction in which scores are pushed."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

from ragkit.train.groups import NOT_HERE, Sample  # noqa: E402
from ragkit.train.loss import ranking_loss, reader_loss  # noqa: E402
from ragkit.train.pairs import pair_batch  # noqa: E402

pytestmark = pytest.mark.torch
P = np.array([7, 8, 9], np.int32)


def sample(n: int, *, teacher: list[float] | None = None, weight: float = 1.0) -> Sample:
    scores = None if teacher is None else np.array(teacher, np.float32)
    return Sample(P[:1], (P,) * n, scores, None, weight)


def test_listwise_is_the_log_share_of_the_relevant_passage() -> None:
    # softmax of (ln 2, 0, 0) is (1/2, 1/4, 1/4).
    scores = torch.tensor([math.log(2), 0.0, 0.0])
    loss = ranking_loss(scores, [sample(3)], pointwise_weight=0.0)
    assert float(loss) == pytest.approx(math.log(2))


def test_groups_of_other_sizes_do_not_see_each_other() -> None:
    scores = torch.tensor([math.log(2), 0.0, 0.0, math.log(3), 0.0])
    loss = ranking_loss(scores, [sample(3), sample(2)], pointwise_weight=0.0)
    assert float(loss) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)


def test_pointwise_is_the_mean_cross_entropy_of_the_pairs() -> None:
    # All scores 0: each pair costs ln 2, and so does the choice of one among two.
    loss = ranking_loss(torch.zeros(2), [sample(2)], pointwise_weight=0.5)
    assert float(loss) == pytest.approx(1.5 * math.log(2))


def test_a_teacher_who_agrees_costs_nothing() -> None:
    scores = torch.tensor([3.0, 1.0, 2.0])
    agreed = sample(3, teacher=[13.0, 11.0, 12.0])
    assert float(ranking_loss(scores, [agreed], pointwise_weight=1.0)) == pytest.approx(0.0, abs=1e-6)


def test_a_teacher_s_divergence_is_that_of_the_shares() -> None:
    # Teacher (3/4, 1/4) against (1/2, 1/2): 3/4 ln(3/2) + 1/4 ln(1/2).
    loss = ranking_loss(torch.zeros(2), [sample(2, teacher=[math.log(3), 0.0])], pointwise_weight=1.0)
    assert float(loss) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-6)


def test_weights_decide_how_much_a_group_counts() -> None:
    scores = torch.tensor([math.log(3), 0.0, 0.0, 0.0])
    loss = ranking_loss(scores, [sample(2, weight=3.0), sample(2, weight=1.0)], pointwise_weight=0.0)
    assert float(loss) == pytest.approx((3 * math.log(4 / 3) + math.log(2)) / 4)
    ignored = ranking_loss(scores, [sample(2, weight=0.0), sample(2, weight=0.0)], pointwise_weight=0.0)
    assert float(ignored) == 0.0


def test_the_relevant_passage_is_pushed_up_and_the_others_down() -> None:
    scores = torch.zeros(4, requires_grad=True)
    torch.autograd.backward(ranking_loss(scores, [sample(4)], pointwise_weight=0.2))
    assert scores.grad is not None
    assert scores.grad[0] < 0
    assert (scores.grad[1:] > 0).all()


def test_the_reader_is_asked_for_the_answer_s_place_and_for_none_in_the_second_passage() -> None:
    answered = Sample(P[:1], (P, P), None, (1, 2), 1.0)
    batch = pair_batch([(P[:1], P), (P[:1], P)], max_tokens=16, max_query_tokens=4)
    # Row: CLS q SEP 7 8 9 SEP; the answer is tokens 4 to 5. Open are CLS, the passage and its mark: 5 places.
    places = torch.zeros(2, 16, 2)
    assert float(reader_loss(places, batch, [answered])) == pytest.approx(math.log(5))
    places[0, 4, 0] = places[0, 5, 1] = places[1, 0, 0] = places[1, 0, 1] = 50.0
    assert float(reader_loss(places, batch, [answered])) == pytest.approx(0.0, abs=1e-6)


def test_an_answer_that_is_not_here_points_to_the_first_token() -> None:
    missing = Sample(P[:1], (P,), None, NOT_HERE, 1.0)
    batch = pair_batch([(P[:1], P)], max_tokens=16, max_query_tokens=4)
    places = torch.zeros(1, 16, 2)
    places[0, 0] = 50.0
    assert float(reader_loss(places, batch, [missing])) == pytest.approx(0.0, abs=1e-6)


def test_an_answer_that_was_cut_off_does_not_count() -> None:
    cut = Sample(P[:1], (P,), None, (2, 2), 1.0)
    batch = pair_batch([(P[:1], P)], max_tokens=6, max_query_tokens=4)
    assert float(reader_loss(torch.zeros(1, 6, 2), batch, [cut])) == 0.0
