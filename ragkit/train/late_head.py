"""A head on frozen token vectors in torch, and its training: thousands of groups a minute on one core.

The head changes the vectors of a question's tokens and what each counts; what was read in passages stays as
it is, and an index need not be read anew. It learns as a residual: the softmax is over its score and that of
the first stage, so the gradient comes from lists that the first stage gets wrong. It begins by changing
nothing, and is pulled back to that.

Source: He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), section 3.1, for beginning at
the identity; Khattab and Zaharia, "ColBERT" (SIGIR 2020), for the comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ragkit.models.token_vectors import Codes
from ragkit.rerank.blend import Blend
from ragkit.train.bert_graph import MOST_EMPHASIS
from ragkit.train.head_groups import HeadGroup
from ragkit.train.held_out import Standing, judged
from ragkit.train.recipe import Recipe
from ragkit.train.signs import question_vectors
from ragkit.train.stepping import Stepping

Step = list[tuple[HeadGroup, list[Codes], NDArray[np.float32]]]

# Times the learning rate of the matrix: its 150,000 numbers move together.
_FASTER = {"shift": 10.0, "weigher": 10.0, "log_model": 10.0, "log_first": 10.0}
_PULL = 1e-3  # on the squares of the matrix's numbers
_FIRST_LOG = -20.0  # of a weight that is 0


class LateHead(nn.Module):
    """Makes `vector + change · vector + shift` of each vector of a question, and multiplies its weight by the
    exponential of `weigher · vector`.

    Args:
        width: numbers of a vector.
        scale: what the mean similarity is multiplied by.
        blend: how the start model is weighed against the first stage: where the head begins.

    >>> head = LateHead(2, scale=25.0, blend=Blend.weighing(3.0))
    >>> asked, weights = head.question(torch.eye(2), torch.ones(2))
    >>> torch.equal(asked, torch.eye(2)), weights.tolist()
    (True, [1.0, 1.0])
    """

    def __init__(self, width: int, *, scale: float, blend: Blend) -> None:
        super().__init__()
        self.scale = scale
        self.change = nn.Parameter(torch.zeros(width, width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.weigher = nn.Parameter(torch.zeros(width))
        self.log_model, self.log_first = (
            nn.Parameter(torch.tensor(math.log(value) if value > 0 else _FIRST_LOG))
            for value in (blend.model, blend.first)
        )

    def question(self, vectors: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors `[q, d]` and weights `[q]` to ask with."""
        emphasis = (vectors @ self.weigher).clamp(-MOST_EMPHASIS, MOST_EMPHASIS)
        return vectors + vectors @ self.change.T + self.shift, weights * emphasis.exp()

    def forward(self, group: HeadGroup, passages: Sequence[Codes], first: NDArray[np.float32]) -> Tensor:
        """Logits of passages, blended with the first stage, shape `[n]`; higher is better."""
        model = self.scores(group, passages)
        return self.log_model.exp() * model + self.log_first.exp() * torch.from_numpy(first)

    def scores(self, group: HeadGroup, passages: Sequence[Codes]) -> Tensor:
        """What `LateReranker` gives by this head, shape `[n]`; 0 for a passage without a token."""
        asked, weights = self.question(torch.from_numpy(group.vectors), torch.from_numpy(group.weights))
        width = group.vectors.shape[1]
        bits = np.unpackbits(np.concatenate(passages), axis=1, count=width).astype(np.float32)
        signs = torch.from_numpy((2 * bits - 1) / np.float32(math.sqrt(2 / math.pi * width)))
        parts = torch.split_with_sizes(
            signs @ question_vectors(asked).T, [len(passage) for passage in passages]
        )
        best = torch.stack([part.amax(dim=0) if len(part) else torch.zeros(len(weights)) for part in parts])
        return self.scale * (best * weights).sum(dim=1) / weights.sum().clamp(min=1e-6)

    def blend(self) -> tuple[float, float]:
        """Weights of the model's score and of the first stage's, as they were learnt."""
        return float(self.log_model.detach().exp()), float(self.log_first.detach().exp())

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """What `head_graph` takes."""
        return {name: getattr(self, name).detach().numpy().copy() for name in ("change", "shift", "weigher")}


class HeadTrainer(Stepping[Step]):
    """Trains a head on groups.

    Args:
        head: changed in place.
        groups: what it learns from.
        recipe: how; lengths, dropout and the readers' weights play no part.

    Example:
        HeadTrainer(head, groups, Recipe(epochs=6, learning_rate=3e-4)).run()
    """

    def __init__(self, head: LateHead, groups: Sequence[HeadGroup], recipe: Recipe) -> None:
        super().__init__(head, recipe, n_groups=len(groups), device="cpu", faster=_FASTER)
        self.head = head
        self._groups = groups

    def batches(self, after: int) -> Iterator[Step]:
        """All groups once in each epoch, in an order that depends on the seed alone."""
        per_step = self.recipe.groups_per_step
        number = 0
        for epoch in range(self.recipe.epochs):
            rng = np.random.default_rng((self.recipe.seed, epoch))
            order = rng.permutation(len(self._groups)).tolist()
            for start in range(0, len(order), per_step):
                some = [self._groups[i] for i in order[start : start + per_step]]
                step = [(one, *one.sample(self.recipe.group_size, rng)) for one in some]
                number += 1
                if number > after:
                    yield step

    def loss(self, batch: Step) -> Tensor:
        """Softmax cross-entropy of the relevant passage in its list, and what pulls the matrix back to 0."""
        listwise = [-torch.log_softmax(self.head(*one), dim=0)[0] for one in batch]
        return torch.stack(listwise).mean() + _PULL * self.head.change.square().sum()

    def standing(self, held_out: Sequence[HeadGroup]) -> Standing:
        """How well the averaged weights, blended with the first stage, rank groups that are not learnt from.

        Ties go against the relevant passage.
        """
        with self.averaged(), torch.inference_mode():
            lists = [self.head(group, group.passages, group.first).tolist() for group in held_out]
        return judged(lists, [group.n_relevant for group in held_out], step=self.step)
