"""A BERT cross-encoder in torch, under the tensor names of published checkpoints.

Question and passage are one sequence, `[CLS] question [SEP] passage [SEP]`; the last layer's first token
gives the score. A second, optional head reads the answer: for each token how well the answer starts or ends
there, where the first token stands for "not in this passage".

Source: Nogueira and Cho, "Passage Re-ranking with BERT" (2019); the reader's head is that of Devlin et al.,
"BERT" (2019), section 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ragkit.errors import ModelError

Weights = Mapping[str, NDArray[np.float32]]

_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")
_HEAD_STD = 0.02


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes of an encoder.

    Args:
        layers: transformer layers.
        heads: attention heads of a layer; they divide `width`.
        width: values per token.
        inner: values per token between the two products of a layer's feed-forward part.
        words: rows of the token table.
        positions: longest sequence, in tokens.
        norm_epsilon: what layer normalisation adds to a variance.
    """

    layers: int
    heads: int
    width: int
    inner: int
    words: int
    positions: int
    norm_epsilon: float = 1e-12

    @classmethod
    def of(cls, weights: Weights, *, heads: int, norm_epsilon: float = 1e-12) -> EncoderShape:
        """The shape that a checkpoint's tensors have; the number of heads does not show in them."""
        words, width = weights["embeddings.word_embeddings.weight"].shape
        layers = 1 + max(int(found[1]) for name in weights if (found := _LAYER.match(name)))
        return cls(
            layers=layers,
            heads=heads,
            width=width,
            inner=weights["encoder.layer.0.intermediate.dense.weight"].shape[0],
            words=words,
            positions=weights["embeddings.position_embeddings.weight"].shape[0],
            norm_epsilon=norm_epsilon,
        )


class _Embeddings(nn.Module):
    def __init__(self, shape: EncoderShape):
        super().__init__()
        self.word_embeddings = nn.Embedding(shape.words, shape.width)
        self.position_embeddings = nn.Embedding(shape.positions, shape.width)
        self.token_type_embeddings = nn.Embedding(2, shape.width)
        self.LayerNorm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: ids.shape[1]]
        summed = self.word_embeddings(ids) + self.token_type_embeddings(segments) + places
        normed: Tensor = self.LayerNorm(summed)
        return normed


class _Joined(nn.Module):
    """A product whose result is added to what went in, then normalised."""

    def __init__(self, inputs: int, shape: EncoderShape):
        super().__init__()
        self.dense = nn.Linear(inputs, shape.width)
        self.LayerNorm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)

    def forward(self, values: Tensor, skipped: Tensor, dropout: float) -> Tensor:
        new = functional.dropout(self.dense(values), dropout, self.training)
        normed: Tensor = self.LayerNorm(new + skipped)
        return normed


class _SelfAttention(nn.Module):
    def __init__(self, shape: EncoderShape):
        super().__init__()
        self.heads = shape.heads
        self.query = nn.Linear(shape.width, shape.width)
        self.key = nn.Linear(shape.width, shape.width)
        self.value = nn.Linear(shape.width, shape.width)

    def forward(self, hidden: Tensor, mask: Tensor, dropout: float) -> Tensor:
        b, t, width = hidden.shape
        q, k, v = (
            part(hidden).view(b, t, self.heads, -1).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout if self.training else 0.0
        )
        return mixed.transpose(1, 2).reshape(b, t, width)


class _Attention(nn.Module):
    def __init__(self, shape: EncoderShape):
        super().__init__()
        self.self = _SelfAttention(shape)
        self.output = _Joined(shape.width, shape)


class _Intermediate(nn.Module):
    def __init__(self, shape: EncoderShape):
        super().__init__()
        self.dense = nn.Linear(shape.width, shape.inner)


class _Layer(nn.Module):
    def __init__(self, shape: EncoderShape):
        super().__init__()
        self.attention = _Attention(shape)
        self.intermediate = _Intermediate(shape)
        self.output = _Joined(shape.inner, shape)

    def forward(self, hidden: Tensor, mask: Tensor, dropout: float) -> Tensor:
        attended = self.attention.self(hidden, mask, dropout)
        hidden = self.attention.output(attended, hidden, dropout)
        wide = functional.gelu(self.intermediate.dense(hidden))
        joined: Tensor = self.output(wide, hidden, dropout)
        return joined


class _Layers(nn.Module):
    def __init__(self, shape: EncoderShape):
        super().__init__()
        self.layer = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))


class Encoder(nn.Module):
    """The layers that both kinds of reranker have; what scores is added by the kind.

    Args:
        shape: sizes of the encoder.
        dropout: share of values that training leaves out, in [0, 1).
    """

    heads: tuple[str, ...] = ()
    """Names that begin so are of the heads, which a checkpoint may lack."""

    def __init__(self, shape: EncoderShape, *, dropout: float = 0.1):
        super().__init__()
        self.shape = shape
        self.dropout = dropout
        self.embeddings = _Embeddings(shape)
        self.encoder = _Layers(shape)

    def hidden(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        """The last layer's rows `[b, t, width]`; arguments as for `CrossEncoder.forward`."""
        hidden = functional.dropout(self.embeddings(ids, segments), self.dropout, self.training)
        seen = mask[:, None, None, :]
        for layer in self.encoder.layer:
            hidden = layer(hidden, seen, self.dropout)
        return hidden

    def take(self, weights: Weights) -> None:
        """Takes over the tensors that it knows; a head that `weights` lacks stays as it is.

        Raises:
            ModelError: an encoder tensor is missing, or a tensor has another shape.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in weights and not name.startswith(self.heads)]
        if missing:
            raise ModelError(
                f"the weights lack {', '.join(missing[:3])}: expected those of a BERT encoder under their "
                "published names"
            )
        for name, value in own.items():
            if name in weights and weights[name].shape != tuple(value.shape):
                raise ModelError(f"{name} has the shape {weights[name].shape}, expected {tuple(value.shape)}")
        known = {name: torch.from_numpy(np.array(weights[name])) for name in own if name in weights}
        self.load_state_dict({**own, **known})

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all tensors, float32, under the names of the checkpoint."""
        return {name: value.float().cpu().numpy().copy() for name, value in self.state_dict().items()}


class CrossEncoder(Encoder):
    """Scores pairs of question and passage; higher is better.

    Args:
        shape: sizes of the encoder.
        reader: whether the second head is there.
        dropout: share of values that training leaves out, in [0, 1).

    >>> shape = EncoderShape(layers=1, heads=2, width=8, inner=16, words=30, positions=12)
    >>> ids, segments = torch.tensor([[1, 5, 2, 7, 2]]), torch.tensor([[0, 0, 0, 1, 1]])
    >>> CrossEncoder(shape)(ids, segments, torch.ones(1, 5, dtype=torch.bool))[0].shape
    torch.Size([1])
    """

    heads = ("classifier.", "reader.")

    def __init__(self, shape: EncoderShape, *, reader: bool = False, dropout: float = 0.1):
        super().__init__(shape, dropout=dropout)
        self.classifier = nn.Linear(shape.width, 1)
        self.reader = nn.Linear(shape.width, 2) if reader else None
        for head in (self.classifier, self.reader):
            if head is not None:
                nn.init.normal_(head.weight, std=_HEAD_STD)
                nn.init.zeros_(head.bias)

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Scores `[b]`, and `[b, t, 2]` start and end logits if there is a reader.

        Args:
            ids: token ids, int64 `[b, t]`.
            segments: 0 for the question and its marks, 1 for the passage, int64 `[b, t]`.
            mask: true where a token is, false where a row is filled up, bool `[b, t]`.
        """
        hidden = self.hidden(ids, segments, mask)
        score = self.classifier(hidden[:, 0]).squeeze(-1).float()
        return score, None if self.reader is None else self.reader(hidden).float()
