"""What a head learns from: vectors of a question, signs that were read in passages, and the order before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.models.late_reranker import LateReranker
from ragkit.models.token_vectors import Codes
from ragkit.train.lessons import GIVEN
from ragkit.train.mining import MinedLesson

_HARDEST = 8  # others at the top of the first stage: always among those that a step sees

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class HeadGroup:
    """A question with its passages, read by a model that stays as it is.

    Args:
        vectors: of the question's tokens, shape `[q, d]`.
        weights: of these tokens, shape `[q]`.
        passages: signs of those that answer it, then of those that do not, hardest first.
        n_relevant: how many of them answer it, at least 1.
        first: scores of the first stage, standardised over what it found, one for each passage; all 0 where
            the first stage says nothing, as for questions that were cut out of their passage.
    """

    vectors: Numbers = field(repr=False)
    weights: Numbers = field(repr=False)
    passages: tuple[Codes, ...] = field(repr=False)
    n_relevant: int
    first: Numbers = field(repr=False)

    def sample(self, size: int, rng: np.random.Generator) -> tuple[list[Codes], Numbers]:
        """One relevant passage, then at most `size - 1` others with the hardest; and their scores before."""
        others = np.arange(self.n_relevant, len(self.passages))
        most = min(_HARDEST, size // 2)
        rest = rng.permutation(others[most:])[: max(0, size - 1 - most)]
        picked = [int(rng.integers(self.n_relevant)), *others[:most].tolist(), *rest.tolist()]
        return [self.passages[i] for i in picked], self.first[picked]


def head_groups(
    lessons: Sequence[MinedLesson],
    reader: LateReranker,
    kept: Callable[[Sequence[str]], Sequence[bytes | None]],
    *,
    on_each: Callable[[], None] = lambda: None,
) -> list[HeadGroup]:
    """A group for each lesson whose question has a token; passages that several share are read once.

    Args:
        lessons: with their passages.
        reader: whose vectors the head is to change.
        kept: gives what was read in texts at ingestion, None for those of which nothing is kept.
        on_each: called after each lesson.

    Raises:
        ModelError: the model failed.
    """
    known: dict[str, Codes] = {}

    def read(texts: Sequence[str]) -> tuple[Codes, ...]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, reader.codes(new, kept(new))[0], strict=True))
        return tuple(known[text] for text in texts)

    def made() -> Iterator[HeadGroup]:
        for one in lessons:
            vectors, weights = reader.question(one.lesson.question)
            if weights.sum() > 0:
                texts = (*one.relevant, *one.others)
                first = _standardised(one, texts)
                yield HeadGroup(vectors, weights, read(texts), len(one.relevant), first)
            on_each()

    return list(made())


def digest(groups: Sequence[HeadGroup]) -> str:
    """A checksum of all that the groups hold: a training of others cannot go on from the same checkpoint."""
    total = hashlib.sha256()
    for group in groups:
        parts: list[NDArray[Any]] = [group.vectors, group.weights, group.first, *group.passages]
        for part in parts:
            total.update(str(part.shape).encode())
            total.update(np.ascontiguousarray(part).tobytes())
        total.update(f"{group.n_relevant} end".encode())
    return total.hexdigest()


def _standardised(one: MinedLesson, texts: Sequence[str]) -> Numbers:
    if one.lesson.kind != GIVEN or not one.first:
        return np.zeros(len(texts), np.float32)
    found = np.array(list(one.first.values()))
    lowest = float(found.min())
    scores = np.array([one.first.get(text, lowest) for text in texts])
    return np.asarray((scores - found.mean()) / max(float(found.std()), 1e-9), np.float32)
