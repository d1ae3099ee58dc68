"""A late-interaction reranker in torch: question and passage are read apart and compared token by token.

The score is `exp(log_scale)` times the mean, over the question's tokens, of the best cosine with a token of
the passage, of which the sign of each number is kept: what is trained is what `LateReranker` computes. A
token counts `token_weights[id] · exp(weigher · vector)`: rare words count more than frequent ones before any
training, and training learns where that is wrong.

Source: Khattab and Zaharia, "ColBERT" (SIGIR 2020), section 3.2; the weights of tokens are ours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ragkit.train.bert_graph import MOST_EMPHASIS
from ragkit.train.cross_encoder import Encoder, EncoderShape
from ragkit.train.pairs import CLS
from ragkit.train.signs import passage_vectors, question_vectors

_FIRST_LOG_SCALE = 3.0


class LateEncoder(Encoder):
    """Scores pairs of question and passage; higher is better. It takes the rows that `CrossEncoder` takes.

    Args:
        shape: sizes of the encoder.
        dropout: share of values that training leaves out, in [0, 1).

    >>> shape = EncoderShape(layers=1, heads=2, width=8, inner=16, words=200, positions=12)
    >>> ids, segments = torch.tensor([[101, 5, 102, 7, 102]]), torch.tensor([[0, 0, 0, 1, 1]])
    >>> LateEncoder(shape)(ids, segments, torch.ones(1, 5, dtype=torch.bool))[0].shape
    torch.Size([1])
    """

    heads = ("weigher.", "token_weights", "log_scale")
    token_weights: Tensor

    def __init__(self, shape: EncoderShape, *, dropout: float = 0.1):
        super().__init__(shape, dropout=dropout)
        self.register_buffer("token_weights", torch.ones(shape.words))
        self.weigher = nn.Linear(shape.width, 1, bias=False)
        nn.init.zeros_(self.weigher.weight)
        self.log_scale = nn.Parameter(torch.tensor(_FIRST_LOG_SCALE))

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        """Scores `[b]`; arguments as for `CrossEncoder.forward`."""
        question = mask & (segments == 0)
        starts = question.sum(dim=1)
        # A group's rows have one question, which is read once.
        asked, row = torch.unique_consecutive(
            (ids * question)[:, : int(starts.max())], dim=0, return_inverse=True
        )
        question_rows = self.hidden(asked, torch.zeros_like(asked), asked > 0).float()
        passages, passage_mask = _passages(ids, mask, starts)
        passage_rows = self.hidden(passages, torch.zeros_like(passages), passage_mask).float()
        weights = (self._weights(asked, question_rows) * _inner(asked > 0))[row]
        inner = _inner(passage_mask)
        with torch.autocast(ids.device.type, enabled=False):
            cosines = question_vectors(question_rows)[row] @ passage_vectors(passage_rows).transpose(1, 2)
        best = cosines.masked_fill(~inner[:, None, :], -torch.inf).amax(dim=2)
        best = best.masked_fill(~inner.any(dim=1)[:, None], 0.0)  # a passage without a token
        mean = (best * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-6)
        return self.log_scale.exp() * mean, None

    def _weights(self, ids: Tensor, rows: Tensor) -> Tensor:
        emphasis = self.weigher(rows).squeeze(-1).float().clamp(-MOST_EMPHASIS, MOST_EMPHASIS)
        weights: Tensor = self.token_weights[ids] * emphasis.exp()
        return weights


def _passages(ids: Tensor, mask: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """The passages of pairs as rows of their own, `[CLS] passage [SEP]`, and where their tokens are."""
    lengths = mask.sum(dim=1) - starts
    places = torch.arange(int(lengths.max()), device=ids.device)[None, :]
    moved = ids.gather(1, (starts[:, None] + places).clamp(max=ids.shape[1] - 1))
    here = places < lengths[:, None]
    first = torch.full_like(moved[:, :1], CLS)
    return torch.cat([first, moved * here], dim=1), torch.cat([torch.ones_like(here[:, :1]), here], dim=1)


def _inner(mask: Tensor) -> Tensor:
    """True for the tokens between the first and the last of each row."""
    inner = mask.clone()
    inner[:, 0] = False
    last = mask.sum(dim=1, keepdim=True) - 1
    return inner.scatter(1, last, False)
