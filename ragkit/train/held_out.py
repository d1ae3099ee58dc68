"""How well a model in training ranks questions that it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import score
from ragkit.train.cross_encoder import Encoder
from ragkit.train.groups import Group
from ragkit.train.recipe import Recipe
from ragkit.train.scoring import pair_scores

METRIC = "nDCG@10"


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found after a step: the means of two measures over the held-out questions."""

    step: int
    ndcg: float = field(kw_only=True)
    reciprocal_rank: float = field(kw_only=True)

    def __str__(self) -> str:
        return f"step {self.step:,}: held-out nDCG@10 {self.ndcg:.3f}, RR@10 {self.reciprocal_rank:.3f}"


def standing(
    model: Encoder, groups: Sequence[Group], recipe: Recipe, *, step: int, half: bool = False
) -> Standing:
    """Ranks each group's relevant passages among its others, by the model alone.

    Ties go against the relevant passage: a model that gives every passage the same score has learnt nothing.
    """
    pairs = [(group.question, passage) for group in groups for passage in (*group.relevant, *group.others)]
    scores = iter(pair_scores(model, pairs, recipe, half=half).tolist())
    rankings: dict[str, dict[str, float]] = {}
    qrels: dict[str, dict[str, int]] = {}
    for number, group in enumerate(groups):
        # trec_eval puts the higher name first where scores tie.
        relevant = [f"a{place}" for place in range(len(group.relevant))]
        others = [f"b{place}" for place in range(len(group.others))]
        rankings[str(number)] = {name: next(scores) for name in (*relevant, *others)}
        qrels[str(number)] = dict.fromkeys(relevant, 1)
    found = score(Run("held out", scores=rankings), qrels, [METRIC, "RR@10"])
    means = {metric: sum(values.values()) / len(values) for metric, values in found.values.items()}
    return Standing(step, ndcg=means[METRIC], reciprocal_rank=means["RR@10"])
