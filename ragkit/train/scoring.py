"""Scores of pairs by the torch model: for the questions held out of training, and to check an export."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ragkit.train.cross_encoder import Encoder
from ragkit.train.pairs import TokenIds, pair_batch
from ragkit.train.recipe import Recipe

_TOKENS_AT_ONCE = 8_192


def pair_scores(
    model: Encoder, pairs: Sequence[tuple[TokenIds, TokenIds]], recipe: Recipe, *, half: bool = False
) -> NDArray[np.float32]:
    """One score per pair, float32 `[n]`, in their order.

    Args:
        model: in evaluation mode.
        pairs: question and passage.
        recipe: its limits of length cut the pairs.
        half: whether products may be in bfloat16.
    """
    device = next(model.parameters()).device
    scores = np.empty(len(pairs), np.float32)
    lengths = [min(recipe.max_tokens, len(question) + len(passage) + 3) for question, passage in pairs]
    order = sorted(range(len(pairs)), key=lambda i: -lengths[i])
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        while order:
            count = max(1, _TOKENS_AT_ONCE // lengths[order[0]])
            some, order = order[:count], order[count:]
            batch = pair_batch(
                [pairs[i] for i in some],
                max_tokens=recipe.max_tokens,
                max_query_tokens=recipe.max_query_tokens,
            )
            parts = (torch.from_numpy(part).to(device) for part in (batch.ids, batch.segments, batch.mask))
            scores[some] = model(*parts)[0].cpu().numpy()
    return scores
