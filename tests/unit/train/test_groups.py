"""Which passages a step takes, and in which order groups come."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.train.groups import Group, sample, steps_of_epoch


def ids(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def group(n_others: int, *, relevant: int = 1) -> Group:
    return Group(
        ids(1), tuple(ids(100 + i) for i in range(relevant)), tuple(ids(200 + i) for i in range(n_others))
    )


def test_a_sample_has_one_relevant_passage_first_and_no_passage_twice() -> None:
    drawn = sample(group(30, relevant=2), 8, np.random.default_rng(0))
    values = [int(passage[0]) for passage in drawn.passages]
    assert values[0] in (100, 101)
    assert all(value >= 200 for value in values[1:])
    assert len(set(values)) == 8


def test_half_of_the_others_are_of_the_hardest() -> None:
    drawn = sample(group(1000), 9, np.random.default_rng(0))
    assert sum(int(passage[0]) < 208 for passage in drawn.passages[1:]) >= 4


def test_a_group_with_few_others_gives_all_of_them() -> None:
    assert len(sample(group(2), 8, np.random.default_rng(0)).passages) == 3
    assert len(sample(group(0), 8, np.random.default_rng(0)).passages) == 1


def test_a_teacher_s_scores_go_with_their_passages() -> None:
    taught = Group(ids(1), (), tuple(ids(i) for i in range(9)), teacher=np.arange(9, dtype=np.float32))
    drawn = sample(taught, 4, np.random.default_rng(3))
    assert drawn.teacher is not None
    assert [float(passage[0]) for passage in drawn.passages] == drawn.teacher.tolist()


def test_an_epoch_has_every_group_once() -> None:
    groups = [Group(ids(i), (ids(1),), (ids(2),)) for i in range(21)]
    steps = list(steps_of_epoch(groups, epoch=0, seed=4, per_step=4, group_size=2))
    assert sorted(int(item.question[0]) for step in steps for item in step) == list(range(21))
    assert len(steps) == 6


def test_seed_and_epoch_decide_the_order_and_nothing_else() -> None:
    groups = [group(20) for _ in range(40)]

    def drawn(epoch: int, seed: int) -> list[int]:
        steps = steps_of_epoch(groups, epoch=epoch, seed=seed, per_step=4, group_size=6)
        return [int(passage[0]) for step in steps for item in step for passage in item.passages]

    assert drawn(0, 1) == drawn(0, 1)
    assert drawn(0, 1) != drawn(1, 1)
    assert drawn(0, 1) != drawn(0, 2)


def test_a_group_without_anything_to_learn_is_refused() -> None:
    with pytest.raises(ValueError, match="relevant passage or a teacher"):
        Group(ids(1), (), (ids(2),))
    with pytest.raises(ValueError, match="one score for each"):
        Group(ids(1), (), (ids(2),), teacher=np.zeros(2, np.float32))
