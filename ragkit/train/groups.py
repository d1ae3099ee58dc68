"""What a reranker learns from: a question, passages that answer it, and passages that only look like it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.train.pairs import TokenIds

NOT_HERE = (-1, -1)
_HARDEST = 8  # candidates at the top of the first stage: from them comes half of a group


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A question with its passages, as token ids without special tokens.

    Args:
        question: its token ids.
        relevant: passages that answer it; may be empty if there is a `teacher`.
        others: passages that do not, as the first stage ranks them, hardest first.
        teacher: for each of `others` a score to imitate, where no judgement is known; the group then has
            no `relevant`.
        answer: first and last token, in `relevant[0]`, of the answer; `NOT_HERE` where that passage looks
            right but does not hold it; None where nobody knows.
        weight: how much the order of this group counts; 0 for one that only the reader learns from.

    Raises:
        ValueError: there is nothing to learn from, or the teacher's scores do not fit the passages.
    """

    question: TokenIds
    relevant: tuple[TokenIds, ...]
    others: tuple[TokenIds, ...]
    teacher: NDArray[np.float32] | None = None
    answer: tuple[int, int] | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.teacher is None and not self.relevant:
            raise ValueError("a group needs a relevant passage or a teacher")
        if self.teacher is not None and (not self.others or len(self.teacher) != len(self.others)):
            raise ValueError("a teacher needs one score for each of at least one passage")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A group cut to the size that a step takes: the first passage is relevant unless there is a teacher."""

    question: TokenIds
    passages: tuple[TokenIds, ...]
    teacher: NDArray[np.float32] | None
    answer: tuple[int, int] | None
    weight: float

    @property
    def n_tokens(self) -> int:
        """Tokens of its longest pair."""
        return len(self.question) + max(len(passage) for passage in self.passages)


def sample(group: Group, size: int, rng: np.random.Generator) -> Sample:
    """At most `size` passages: one relevant, of the rest half from the hardest others, half from all.

    A group with a teacher gives `size` of its others.
    """
    n = len(group.others)
    if group.teacher is not None:
        picked = np.sort(rng.choice(n, min(size, n), replace=False))
        return Sample(
            group.question,
            tuple(group.others[i] for i in picked),
            group.teacher[picked],
            None,
            group.weight,
        )
    wanted = min(size - 1, n)
    hard: list[int] = []
    if n:
        hard = rng.choice(min(_HARDEST, n), min(wanted // 2, _HARDEST, n), replace=False).tolist()
    rest = [i for i in rng.permutation(n).tolist() if i not in hard]
    picked_all = [*hard, *rest[: wanted - len(hard)]]
    # The answer's place is known in the first relevant passage only.
    which = 0 if group.answer is not None else int(rng.integers(len(group.relevant)))
    passages = (group.relevant[which], *(group.others[i] for i in picked_all))
    return Sample(group.question, passages, None, group.answer, group.weight)


def steps_of_epoch(
    groups: Sequence[Group], *, epoch: int, seed: int, per_step: int, group_size: int
) -> Iterator[list[Sample]]:
    """All groups once, `per_step` at a time; groups of similar length come together, steps in random order.

    The same arguments give the same samples in the same order, so an interrupted training can go on where
    it stopped.
    """
    rng = np.random.default_rng((seed, epoch))
    samples = [sample(groups[i], group_size, rng) for i in rng.permutation(len(groups))]
    # Sorted within large blocks rather than as a whole: otherwise steps would hold one data set each.
    block = per_step * 32
    steps: list[list[Sample]] = []
    for start in range(0, len(samples), block):
        some = sorted(samples[start : start + block], key=lambda item: item.n_tokens)
        steps += [some[i : i + per_step] for i in range(0, len(some), per_step)]
    for i in rng.permutation(len(steps)):
        yield steps[i]
