"""Token vectors as the runtime compares them, with a gradient: a passage's signs, a question's 8 bits.

Neither a sign nor a rounded number has a slope. Where the loss is computed the rounded values stand; its
gradient goes on as if they were the vectors, whose cosine they estimate.

Source: Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through Stochastic Neurons for
Conditional Computation" (2013), the straight-through estimator. `ragkit.models.token_vectors` rounds so.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ragkit.models.token_vectors import QUERY_LEVELS


def passage_vectors(rows: Tensor) -> Tensor:
    """The signs of vectors `[..., d]`, 0 counting as negative, of the length that makes products with
    `question_vectors` the runtime's cosines.

    >>> rows = torch.tensor([[3.0, -1.0]], requires_grad=True)
    >>> print([round(value, 4) for value in passage_vectors(rows)[0].tolist()])
    [0.8862, -0.8862]
    """
    length = math.sqrt(2 / math.pi * rows.shape[-1])
    return _through(functional.normalize(rows, dim=-1), torch.where(rows > 0, 1.0, -1.0) / length)


def question_vectors(rows: Tensor) -> Tensor:
    """Vectors `[..., d]` rounded to the integers that the runtime keeps of a question, of unit length."""
    largest = rows.detach().abs().amax(dim=-1, keepdim=True).clamp(min=1e-12)
    levels = torch.round(rows.detach() * (QUERY_LEVELS / largest))
    return _through(functional.normalize(rows, dim=-1), functional.normalize(levels, dim=-1))


def _through(exact: Tensor, rounded: Tensor) -> Tensor:
    """The values of `rounded` with the gradient of `exact`."""
    # Added to what is exactly 0, so that the values are those of `rounded`, bit for bit.
    return rounded.detach() + (exact - exact.detach())
