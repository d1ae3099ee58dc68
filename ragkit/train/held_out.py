"""How well a model in training ranks questions that it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import score
from ragkit.train.cross_encoder import Encoder
from ragkit.train.groups import Group
from ragkit.train.recipe import Recipe
from ragkit.train.scoring import pair_scores

METRIC: Final = "nDCG@10"
By = Literal["nDCG@10", "loss"]
_GAIN = 1e-4  # less is none


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found after a step: the means of three measures over the held-out questions.

    Args:
        step: after so many.
        ndcg: nDCG@10.
        reciprocal_rank: RR@10.
        loss: cross-entropy of an answer among the passages that are none, in nats; less is better.
    """

    step: int
    ndcg: float = field(kw_only=True)
    reciprocal_rank: float = field(kw_only=True)
    loss: float = field(kw_only=True)

    def __str__(self) -> str:
        return (
            f"step {self.step:,}: held-out nDCG@10 {self.ndcg:.3f}, RR@10 {self.reciprocal_rank:.3f}, "
            f"loss {self.loss:.3f}"
        )

    def good(self, by: By) -> float:
        """What it is compared by; more is better."""
        return self.ndcg if by == METRIC else -self.loss


def best_of(standings: Sequence[Standing], by: By) -> int:
    """The place of the best, of at least one; the first among equals.

    >>> found = [(0, 0.8, 0.5), (20, 0.9, 0.5), (40, 0.9, 0.3)]
    >>> told = [Standing(step, ndcg=ndcg, reciprocal_rank=ndcg, loss=loss) for step, ndcg, loss in found]
    >>> best_of(told, "nDCG@10"), best_of(told, "loss")
    (1, 2)
    """
    best = 0
    for place, one in enumerate(standings):
        if one.good(by) > standings[best].good(by) + _GAIN:
            best = place
    return best


def standing(
    model: Encoder, groups: Sequence[Group], recipe: Recipe, *, step: int, half: bool = False
) -> Standing:
    """Ranks each group's relevant passages among its others, by the model alone.

    Ties go against the relevant passage: a model that gives every passage the same score has learnt nothing.
    """
    pairs = [(group.question, passage) for group in groups for passage in (*group.relevant, *group.others)]
    scores = iter(pair_scores(model, pairs, recipe, half=half).tolist())
    lists = [[next(scores) for _ in (*group.relevant, *group.others)] for group in groups]
    return judged(lists, [len(group.relevant) for group in groups], step=step)


def judged(lists: Sequence[Sequence[float]], n_relevant: Sequence[int], *, step: int) -> Standing:
    """The standing of scores: of each question those of its relevant passages, then those of the others.

    Args:
        lists: at least one; logits, finite.
        n_relevant: of each list how many are relevant, at least 1.
        step: after which they were given.
    """
    rankings: dict[str, dict[str, float]] = {}
    qrels: dict[str, dict[str, int]] = {}
    for number, (logits, n) in enumerate(zip(lists, n_relevant, strict=True)):
        # trec_eval puts the higher name first where scores tie.
        names = [f"{'a' if i < n else 'b'}{i}" for i in range(len(logits))]
        rankings[str(number)] = dict(zip(names, logits, strict=True))
        qrels[str(number)] = dict.fromkeys(names[:n], 1)
    found = score(Run("held out", scores=rankings), qrels, [METRIC, "RR@10"])
    means = {metric: sum(values.values()) / len(values) for metric, values in found.values.items()}
    losses = [_loss(np.array(logits), n) for logits, n in zip(lists, n_relevant, strict=True)]
    return Standing(step, ndcg=means[METRIC], reciprocal_rank=means["RR@10"], loss=sum(losses) / len(losses))


def _loss(logits: NDArray[np.float64], n_relevant: int) -> float:
    """Of each relevant passage among those that are not, as training sees it; their mean."""
    others = np.logaddexp.reduce(logits[n_relevant:])
    right = logits[:n_relevant]
    return float((np.logaddexp(right, others) - right).mean())
