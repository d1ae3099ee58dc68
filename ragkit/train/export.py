"""A trained model as the folder that `rerank/onnx` loads, kept only if it ranks as the torch model does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ModelError
from ragkit.models.pairs import PairEncoder, pair_arrays
from ragkit.models.reranker_folder import open_reranker
from ragkit.models.tokenizer import TextTokenizer
from ragkit.train.bert_graph import BertShape, cross_encoder, token_encoder
from ragkit.train.bert_graph_calibration import channel_magnitudes
from ragkit.train.bert_graph_folder import write_model_folder
from ragkit.train.cross_encoder import Encoder
from ragkit.train.late_encoder import LateEncoder

MOST_INVERTED = 0.05
# Two scores nearer than this share of the spread of all scores may change places: integers round.
_NEAR = 0.1
_CALIBRATED = 4  # passages of a question


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How well the file's scores agree with the torch model's, on the same pairs.

    Args:
        n: pairs.
        correlation: of the scores.
        largest: difference between two scores of one pair.
        inverted: the share of questions' passage pairs, well apart in torch, that the file orders otherwise.
    """

    n: int
    correlation: float = field(kw_only=True)
    largest: float = field(kw_only=True)
    inverted: float = field(kw_only=True)

    @property
    def is_passed(self) -> bool:
        """Whether the file ranks as the model does."""
        return self.inverted <= MOST_INVERTED


def write_model(
    folder: Path,
    model: Encoder,
    asked: Sequence[tuple[str, Sequence[str]]],
    *,
    tokenizer: Path,
    manifest: Mapping[str, Any],
) -> None:
    """Writes `model.onnx` (int8), `tokenizer.json` and `model.json`.

    Args:
        folder: made if it is not there.
        model: trained, of either kind.
        asked: some dozens of questions with passages, which tell how large its activations get.
        tokenizer: the file of the model that training started from.
        manifest: the content of `model.json` without checksums and without what the kind of model adds.

    Raises:
        ModelError: the folder cannot be written.
    """
    shape = BertShape(
        layers=model.shape.layers,
        heads=model.shape.heads,
        positions=model.shape.positions,
        norm_epsilon=model.shape.norm_epsilon,
    )
    weights = model.weights()
    if isinstance(model, LateEncoder):
        read = _texts(asked, TextTokenizer(tokenizer), manifest["max_tokens"])
        graph = token_encoder(weights, shape, "int8", magnitudes=channel_magnitudes(weights, shape, read))
        scale = float(np.exp(weights["log_scale"]))
        kind = {"kind": "late-reranker", "dimension": model.shape.width, "scale": scale}
    else:
        read = _pairs(asked, TextTokenizer(tokenizer), manifest)
        graph = cross_encoder(weights, shape, "int8", magnitudes=channel_magnitudes(weights, shape, read))
        kind = {"kind": "reranker"}
    try:
        write_model_folder(
            folder, graph, tokenizer=tokenizer.read_text(encoding="utf-8"), manifest={**manifest, **kind}
        )
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written: {error.strerror or error}. A model takes 25 MB: make room and run "
            "the same command again; the training is kept and need not be repeated"
        ) from error


Feeds = Iterator[dict[str, NDArray[np.int64]]]


def _pairs(
    asked: Sequence[tuple[str, Sequence[str]]], tokenizer: TextTokenizer, manifest: Mapping[str, Any]
) -> Feeds:
    pairs = PairEncoder(
        tokenizer, max_tokens=manifest["max_tokens"], max_query_tokens=manifest["max_query_tokens"]
    )
    for question, texts in asked:
        for pair in pairs.encode(question, texts[:_CALIBRATED]):
            yield pair_arrays([pair])


def _texts(asked: Sequence[tuple[str, Sequence[str]]], tokenizer: TextTokenizer, max_tokens: int) -> Feeds:
    for question, texts in asked:
        for ids in tokenizer.encode([question, *texts[:_CALIBRATED]], max_tokens=max_tokens):
            row = np.array([ids], np.int64)
            yield {"input_ids": row, "segments": np.zeros_like(row)}


def self_test(
    folder: Path, asked: Sequence[tuple[str, Sequence[str]]], expected: Sequence[NDArray[np.float32]]
) -> SelfTest:
    """Scores the same pairs with the file and compares.

    Args:
        folder: as `write_model` left it.
        asked: questions with passages that fit into one window.
        expected: the torch model's scores, one array per question.

    Raises:
        ModelError: the file cannot be loaded, or ranks otherwise than the model that it was made from.
    """
    reranker = open_reranker(folder, threads=1)
    found = [reranker.score(question, texts) for question, texts in asked]
    test = compared(expected, found)
    if not test.is_passed:
        raise ModelError(
            f"{folder}: the file orders {test.inverted:.1%} of the passages otherwise than the model that it "
            f"was made from (at most {MOST_INVERTED:.0%} are allowed; correlation {test.correlation:.4f}). "
            "The model does not survive being rounded to integers: train with a lower --learning-rate"
        )
    return test


def compared(expected: Sequence[NDArray[np.float32]], found: Sequence[NDArray[np.float32]]) -> SelfTest:
    """The agreement of two models' scores of the same questions' passages.

    >>> first = [np.array([3.0, 1.0, 0.0], np.float32)]
    >>> compared(first, [np.array([0.0, 1.0, 3.0], np.float32)]).inverted
    1.0
    """
    before, after = np.concatenate(expected), np.concatenate(found)
    near = _NEAR * float(np.ptp(before))
    n_apart = n_inverted = 0
    for one, other in zip(expected, found, strict=True):
        apart = one[:, None] - one[None, :] > near
        n_apart += int(apart.sum())
        n_inverted += int((apart & (other[:, None] <= other[None, :])).sum())
    spread = float(before.std() * after.std())
    covariance = float(((before - before.mean()) * (after - after.mean())).mean())
    return SelfTest(
        len(before),
        correlation=covariance / spread if spread else 0.0,
        largest=float(np.abs(before - after).max()),
        inverted=n_inverted / n_apart if n_apart else 0.0,
    )
