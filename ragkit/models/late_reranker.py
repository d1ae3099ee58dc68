"""Scores query-passage pairs by the similarity of their tokens' vectors, with a local ONNX model.

Query and passage are read apart, each once; then every token of the query looks for the token of the passage
that is most like it. Unlike a cross-encoder's, the vectors of a passage serve every query, so those of recent
passages are kept.

Source: Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late
Interaction over BERT" (SIGIR 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConfigError, ModelError
from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import FRAME_TOKENS, LateManifest, read_manifest
from ragkit.models.pairs import windows
from ragkit.models.token_vectors import RecentVectors, TokenVectors, weighted_best_match
from ragkit.models.workers import FairWorkers, usable_cores
from ragkit.protocols import Vectors

_SLICE = 256  # passages: bounds the memory of token vectors
_TOGETHER = 256  # tokens in a call of the model: more save less than 1 %


class LateReranker:
    """Scores passages for a query, by the model of a folder: `model.onnx`, `tokenizer.json`, `model.json`.

    The score is `scale` times the mean, over the query's tokens and by their weights, of the best cosine with
    a token of the passage: a logit, higher is better. An empty or blank passage has 0, and so has every
    passage for a query without a token. A passage too long for the model is read in windows that overlap,
    and all their tokens count; a query is cut after `max_query_tokens`.

    A pair's score is the same, bit for bit, whatever it was computed with, and whether the passage's vectors
    were kept or not. All calls together use `threads` threads, and a short one does not wait for a long one.
    The model is loaded, and its checksums compared, by the first call.

    Args:
        folder: the model's folder.
        threads: cores to use, at least 1; by default those this process may run on.
        kept_mb: memory for the vectors of recent passages; one of 150 tokens takes 0.12 MB. 0 keeps none.

    Raises:
        ModelError: `folder` holds no such model.
        ConfigError: `threads` is below 1 or `kept_mb` below 0.

    Example:
        LateReranker("models/my-reranker").score("who pays?", ["The tenant pays.", "It rained."])
    """

    def __init__(self, folder: str | Path, *, threads: int | None = None, kept_mb: int = 64) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(
                f"reranker: threads is {threads}; give 1 or more, or leave it out for all cores"
            )
        if kept_mb < 0:
            raise ConfigError(f"reranker: kept_mb is {kept_mb}; give 0, which keeps none, or more")
        self._manifest = read_manifest(Path(folder), LateManifest)
        self._model = LoadedModel(
            Path(folder), self._manifest, inputs=("input_ids",), outputs=("vectors", "weights")
        )
        self._frame: list[int] | None = None
        self._recent = RecentVectors(kept_mb * 1_000_000)
        self._workers: FairWorkers[_Row] = FairWorkers(
            self._read, threads=threads or usable_cores(), name="ragkit-rerank", together=_TOGETHER
        )

    @property
    def name(self) -> str:
        """The model's name, for people."""
        return self._manifest.name

    @property
    def revision(self) -> str:
        """How the model was converted."""
        return self._manifest.revision

    @property
    def fingerprint(self) -> str:
        """Identifies what the scores depend on: two of one fingerprint give the same scores."""
        return self._manifest.fingerprint

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        return self._manifest.languages

    @property
    def blend(self) -> Mapping[str, Any] | None:
        """How the model's maker weighs its scores against the order before reranking, if told."""
        return self._manifest.blend

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One score per text, shape `[n]`, float32, in the order of `texts`.

        Raises:
            ModelError: the model's files are damaged, it failed, or it gave NaN or infinity.
        """
        if not texts:
            return np.zeros(0, np.float32)
        asked = self._query(query)
        scores = np.empty(len(texts), np.float32)
        for start in range(0, len(texts), _SLICE):
            passages = self._passages(texts[start : start + _SLICE])
            scores[start : start + len(passages)] = [
                self._manifest.scale * weighted_best_match(asked.vectors, asked.weights, passage)
                for passage in passages
            ]
        unusable = np.flatnonzero(~np.isfinite(scores))
        if unusable.size:
            raise ModelError(
                f"{self.fingerprint} gave NaN or infinity for {unusable.size} of {len(texts)} passages, "
                f"first for number {unusable[0]}: {texts[unusable[0]][:80]!r}. "
                "Install ragkit or fetch the model again."
            )
        return scores

    def _query(self, query: str) -> _Row:
        (ids,) = self._model.tokenizer().pieces([query])
        row = _Row(self._framed(ids[: self._manifest.max_query_tokens]))
        self._workers.run([row])
        return row

    def _passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The token vectors of each text; those of one that is there twice are computed once."""
        kept = {text: self._recent.get(text) for text in dict.fromkeys(texts)}
        found = {text: vectors for text, vectors in kept.items() if vectors is not None}
        new = [text for text in kept if text not in found]
        room = self._manifest.max_tokens - FRAME_TOKENS
        pieces = self._model.tokenizer().pieces(new) if new else []
        rows = {
            text: [_Row(self._framed(piece)) for piece in windows(ids, room)]
            for text, ids in zip(new, pieces, strict=True)
        }
        self._workers.run([row for some in rows.values() for row in some])
        for text, some in rows.items():
            # Halved before they are used at all, so that a score does not depend on what was kept.
            vectors = np.concatenate([row.vectors for row in some]).astype(np.float16)
            found[text] = vectors
            self._recent.keep(text, vectors)
        return [found[text] for text in texts]

    def _framed(self, ids: list[int]) -> list[int]:
        if self._frame is None:
            self._frame = self._model.tokenizer().encode([""], max_tokens=FRAME_TOKENS)[0]
        start, end = self._frame
        return [start, *ids, end]

    def _read(self, rows: Sequence[_Row]) -> None:
        vectors, weights = self._model.run({"input_ids": np.array([row.ids for row in rows], np.int64)})
        for row, own, weight in zip(rows, vectors, weights, strict=True):
            row.vectors, row.weights = own[1:-1], weight[1:-1]


@dataclass(slots=True)
class _Row:
    """A text's tokens with the two that frame it, and what the model gave for those between."""

    ids: list[int]
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    weights: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.ids)
