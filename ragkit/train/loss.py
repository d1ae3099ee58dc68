"""What training makes small.

    loss = listwise + pointwise_weight · pointwise + reader_weight · reader

- listwise: softmax cross-entropy of the relevant passage among those of its group; for a group with a
  teacher, the Kullback–Leibler divergence from the teacher's softmax.
  Source: Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach" (ICML 2007), top one.
- pointwise: binary cross-entropy of every judged pair, which gives scores of different questions one scale.
- reader: cross-entropy of the answer's first and last token; the first token of the row is "not here".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ragkit.train.groups import NOT_HERE, Sample
from ragkit.train.pairs import PairBatch

_MASKED = -1e4  # a score that no softmax sees, finite in bfloat16


def ranking_loss(scores: Tensor, samples: Sequence[Sample], *, pointwise_weight: float) -> Tensor:
    """The weighted mean of the groups' listwise and pointwise losses.

    Args:
        scores: of all passages of all samples, one sample after the other, `[b]`.
        samples: the groups.
        pointwise_weight: of the pointwise part; groups with a teacher have none.

    Returns:
        A scalar. Where the weights add up to less than 1, as if they added up to 1: a step of groups that
        count little moves little.
    """
    places, teacher = _table(samples)
    device = scores.device
    at = torch.from_numpy(places).to(device)
    here = at >= 0
    listed = torch.where(here, scores[at.clamp(min=0)], _MASKED)
    log_shares = functional.log_softmax(listed, dim=1)
    taught = torch.tensor([item.teacher is not None for item in samples], device=device)
    weights = torch.tensor([item.weight for item in samples], device=device)
    goal = torch.from_numpy(teacher).to(device).softmax(dim=1)
    divergence = (goal * (goal.clamp(min=1e-9).log() - log_shares)).sum(dim=1)
    listwise = torch.where(taught, divergence, -log_shares[:, 0])
    first = torch.zeros_like(listed)
    first[:, 0] = 1.0
    each = functional.binary_cross_entropy_with_logits(listed, first, reduction="none")
    pointwise = (each * here).sum(dim=1) / here.sum(dim=1)
    total = listwise + pointwise_weight * torch.where(taught, 0.0, pointwise)
    return (total * weights).sum() / weights.sum().clamp(min=1.0)


def reader_loss(places: Tensor, batch: PairBatch, samples: Sequence[Sample]) -> Tensor:
    """The mean over the rows whose answer is known: its place in the first passage, "not here" in the second.

    Args:
        places: start and end logits `[b, t, 2]`.
        batch: the rows that `places` is of.
        samples: the groups; an answer that was cut off with its passage's end does not count.

    Returns:
        A scalar, 0 where no sample has an answer.
    """
    rows, goals = _goals(batch, samples)
    if not rows:
        return places.sum() * 0.0
    picked = torch.tensor(rows, device=places.device)
    open_to = torch.from_numpy((batch.segments[rows] == 1) & batch.mask[rows]).to(places.device)
    open_to[:, 0] = True
    logits = places[picked].masked_fill(~open_to[:, :, None], _MASKED)
    goal = torch.tensor(goals, device=places.device)
    starts = functional.cross_entropy(logits[:, :, 0], goal[:, 0])
    ends = functional.cross_entropy(logits[:, :, 1], goal[:, 1])
    return 0.5 * (starts + ends)


def _table(samples: Sequence[Sample]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each group where its passages' scores are, -1 where it has fewer, and its teacher's scores."""
    sizes = [len(item.passages) for item in samples]
    places = np.full((len(samples), max(sizes)), -1, np.int64)
    teacher = np.full(places.shape, _MASKED, np.float32)
    start = 0
    for row, (item, size) in enumerate(zip(samples, sizes, strict=True)):
        places[row, :size] = np.arange(start, start + size)
        if item.teacher is not None:
            teacher[row, :size] = item.teacher
        start += size
    return places, teacher


def _goals(batch: PairBatch, samples: Sequence[Sample]) -> tuple[list[int], list[tuple[int, int]]]:
    rows, goals = [], []
    start = 0
    for item in samples:
        if item.answer is not None:
            offset = 0 if item.answer == NOT_HERE else int(batch.passage_starts[start])
            first, last = (0, 0) if item.answer == NOT_HERE else item.answer
            # The row's last token is a mark, so an answer that reaches it was cut.
            if offset + last < int(batch.mask[start].sum()) - 1:
                rows.append(start)
                goals.append((offset + first, offset + last))
            if len(item.passages) > 1:
                rows.append(start + 1)
                goals.append((0, 0))
        start += len(item.passages)
    return rows, goals
