"""Scores of query and passage read together, by a local ONNX model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragkit.models.local_model import BlendedModel
from ragkit.models.manifest import RerankerManifest
from ragkit.models.pairs import Pair, PairEncoder, pair_arrays
from ragkit.models.workers import FairWorkers
from ragkit.protocols import Vectors

# Bounds the memory of token ids; long enough that waiting for the last pair of a slice costs under 1%.
_SLICE = 1024

# Tokens in one call of the model: pairs of 16 tokens take 40% less time shared, of 32 25%, of 64 12%, of 128
# 2% (evals/benchmarks/reranking.py --part lengths); larger calls only outgrow the processor's caches.
_TOGETHER = 256


class OnnxReranker(BlendedModel[RerankerManifest]):
    """Scores passages with the model of a folder: `model.onnx`, `tokenizer.json`, `model.json`.

    Pairs of equal length may share a call of the model, within a query and across the queries of concurrent
    callers; nothing is padded, and the score of a pair is the same, bit for bit, whatever it was computed
    with. All calls together use `threads` threads, and a short one does not wait for a long one. The model
    is loaded, and its checksums compared, by the first call.

    A passage too long for the model is read in windows and gets the score of its best one; a query is cut
    after `max_query_tokens`. An empty or blank passage has a score too, that of an empty passage.

    Args:
        folder: the model's folder.
        threads: cores to use, at least 1; by default those this process may run on.

    Raises:
        ModelError: `folder` holds no reranker.
        ConfigError: `threads` is below 1.

    Example:
        OnnxReranker("models/my-reranker").score("who pays?", ["The tenant pays.", "It rained."])
    """

    def __init__(self, folder: str | Path, *, threads: int | None = None) -> None:
        super().__init__(
            folder,
            RerankerManifest,
            inputs=("input_ids", "segments"),
            outputs=("score",),
            threads=threads,
            role="reranker",
        )
        self._pairs: PairEncoder | None = None
        self._workers: FairWorkers[_Scored] = FairWorkers(
            self._score, threads=self.threads, name="ragkit-rerank", together=_TOGETHER
        )

    @property
    def max_tokens(self) -> int:
        """Tokens of query and passage that are read together, the three special ones included."""
        return self.manifest.max_tokens

    @property
    def max_query_tokens(self) -> int:
        """A query is cut after this many tokens."""
        return self.manifest.max_query_tokens

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One score per text, shape `[n]`, float32, a logit, higher is better, in the order of `texts`.

        Raises:
            ModelError: the model's files are damaged, it failed, or it gave NaN or infinity.
        """
        scores = np.empty(len(texts), np.float32)
        for start in range(0, len(texts), _SLICE):
            some = texts[start : start + _SLICE]
            scores[start : start + len(some)] = self._best(query, some)
        self._check_finite(scores, texts, "passages")
        return scores

    def _best(self, query: str, texts: Sequence[str]) -> Vectors:
        scored = [_Scored(pair) for pair in self._pair_encoder().encode(query, texts)]
        self._workers.run(scored)
        best = np.full(len(texts), -np.inf, np.float32)
        passages = [one.pair.passage for one in scored]
        # maximum keeps NaN, which must not hide behind a better window.
        with np.errstate(invalid="ignore"):
            np.maximum.at(best, passages, np.array([one.score for one in scored], np.float32))
        return best

    def _pair_encoder(self) -> PairEncoder:
        if self._pairs is None:
            self._pairs = PairEncoder(
                self._model.tokenizer(), max_tokens=self.max_tokens, max_query_tokens=self.max_query_tokens
            )
        return self._pairs

    def _score(self, scored: Sequence[_Scored]) -> None:
        (scores,) = self._model.run(pair_arrays([one.pair for one in scored]))
        for one, score in zip(scored, scores.tolist(), strict=True):  # exact: every float32 is a float
            one.score = score


@dataclass(slots=True)
class _Scored:
    """A pair and the score it is given."""

    pair: Pair
    score: float = float("nan")

    def __len__(self) -> int:
        return len(self.pair)
