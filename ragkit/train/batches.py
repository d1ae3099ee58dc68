"""The batches of a training in their order, made ahead in a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from ragkit.train.groups import Group, Sample, steps_of_epoch
from ragkit.train.pairs import PairBatch, pair_batch
from ragkit.train.recipe import Recipe

_AHEAD = 4


def batches(
    groups: Sequence[Group], recipe: Recipe, *, after: int = 0
) -> Iterator[tuple[PairBatch, list[Sample]]]:
    """Each step's rows and the samples they are of, for all epochs.

    Args:
        groups: what is learnt from.
        recipe: its seed decides the order.
        after: steps that were taken before; what follows is the same as if they had been taken here.
    """
    steps = (
        samples
        for epoch in range(recipe.epochs)
        for samples in steps_of_epoch(
            groups,
            epoch=epoch,
            seed=recipe.seed,
            per_step=recipe.groups_per_step,
            group_size=recipe.group_size,
        )
    )

    def build(samples: list[Sample]) -> tuple[PairBatch, list[Sample]]:
        pairs = [(item.question, passage) for item in samples for passage in item.passages]
        return pair_batch(
            pairs, max_tokens=recipe.max_tokens, max_query_tokens=recipe.max_query_tokens
        ), samples

    left = islice(steps, after, None)
    with ThreadPoolExecutor(1) as ahead:
        waiting = [ahead.submit(build, samples) for samples in islice(left, _AHEAD)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [ahead.submit(build, samples) for samples in islice(left, 1)]
