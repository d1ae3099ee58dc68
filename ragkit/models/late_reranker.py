"""Scores query-passage pairs by the similarity of their tokens' vectors, with a local ONNX model.

Query and passage are read apart, each once; then every token of the query looks for the token of the passage
that is most like it. Unlike a cross-encoder's, what was read in a passage serves every query, so it can be
kept: from ingestion on, where the embedder's own pass gives it, or for as long as it is asked for.

Source: Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late
Interaction over BERT" (SIGIR 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConfigError
from ragkit.models.embedder import OnnxEmbedder
from ragkit.models.late_head import LateHead
from ragkit.models.loaded import LoadedModel
from ragkit.models.local_model import BlendedModel
from ragkit.models.manifest import FRAME_TOKENS, LateManifest, read_manifest
from ragkit.models.pairs import windows
from ragkit.models.recent import Recent
from ragkit.models.token_vectors import Codes, Question, Reading, packed
from ragkit.models.workers import FairWorkers
from ragkit.protocols import Embedder, Vectors

_SLICE = 256  # passages: bounds the memory of token vectors
_TOGETHER = 256  # tokens in a call of the model: more save less than 1 %
_OUTPUTS = ("vectors", "weights")


class LateReranker(BlendedModel[LateManifest]):
    """Scores passages for a query, by the model of a folder: `model.onnx`, `tokenizer.json`, `model.json`.

    The score is `scale` times the mean, over the query's tokens and by their weights, of the best cosine with
    a token of the passage: a logit, higher is better. An empty or blank passage has 0, and so has every
    passage for a query without a token. A passage too long for the model is read in windows that overlap,
    and all their tokens count; a query is cut after `max_query_tokens`.

    A pair's score is the same, bit for bit, whatever it was computed with, and whether what was read in the
    passage was kept or not. Passages are read by `threads` threads for all calls together, and a short one
    does not wait for a long one; the question is read in the caller's. The model is loaded, and its checksums
    compared, by the first call.

    Args:
        folder: the model's folder.
        threads: cores to use, at least 1; by default those this process may run on.
        kept_mb: memory for what was read in recent passages; one of 150 tokens takes 7 KB. 0 keeps none.
        loaded: the folder's files, where another model has loaded them already.

    Raises:
        ModelError: `folder` holds no such model.
        ConfigError: `threads` is below 1 or `kept_mb` below 0.

    Example:
        LateReranker("models/my-reranker").score("who pays?", ["The tenant pays.", "It rained."])
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        threads: int | None = None,
        kept_mb: int = 64,
        loaded: LoadedModel | None = None,
    ) -> None:
        if kept_mb < 0:
            raise ConfigError(f"reranker: kept_mb is {kept_mb}; give 0, which keeps none, or more")
        own = read_manifest(Path(folder), LateManifest)
        self._head = None if own.head_of is None else LateHead(Path(folder), own)
        super().__init__(
            folder,
            LateManifest,
            inputs=("input_ids",),
            outputs=_OUTPUTS,
            threads=threads,
            role="reranker",
            loaded=loaded if self._head is None else self._head.encoder,
        )
        self._beneath = self.manifest if self._head is None else self._head.beneath
        self._reading = Reading(self._beneath.fingerprint, width=self.manifest.dimension)
        self._frame: list[int] | None = None
        self._recent = Recent[str, Codes](kept_mb * 1_000_000)
        self._workers: FairWorkers[_Row] = FairWorkers(
            self._read, threads=self.threads, name="ragkit-rerank", together=_TOGETHER
        )

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One score per text, shape `[n]`, float32, in the order of `texts`.

        Raises:
            ModelError: the model's files are damaged, it failed, or it gave NaN or infinity.
        """
        return self.score_read(query, texts, [None] * len(texts))[0]

    def score_read(
        self, query: str, texts: Sequence[str], readings: Sequence[bytes | None]
    ) -> tuple[Vectors, int]:
        """As `score`, bit for bit, and how many of the texts had to be read.

        Args:
            query: the question.
            texts: the passages.
            readings: for each what `embed_and_read` gave for it; None, another text's, another model's or a
                damaged one is made anew.

        Raises:
            ModelError: as for `score`.
        """
        if not texts:
            return np.zeros(0, np.float32), 0
        asked = Question(*self.question(query))
        scores, n_read = np.empty(len(texts), np.float32), 0
        for start in range(0, len(texts), _SLICE):
            some = slice(start, start + _SLICE)
            codes, n = self.codes(texts[some], readings[some])
            n_read += n
            scores[some] = self.manifest.scale * asked.match(codes)
        return scores, n_read

    def reads_with(self, embedder: Embedder) -> bool:
        """Whether `embed_and_read` gives this embedder's own vectors: the model goes on from its file."""
        own = self._beneath
        if not isinstance(embedder, OnnxEmbedder) or own.extends is None:
            return False
        beneath = embedder.manifest
        return (
            beneath.sha256["model.onnx"] == own.extends.sha256
            and beneath.sha256["tokenizer.json"] == own.sha256["tokenizer.json"]
            and beneath.max_tokens == own.max_tokens
            and not beneath.prefixes.passage
        )

    @property
    def mark(self) -> bytes:
        """What each of its readings begins with, and no reading of a model of other vectors: 8 bytes."""
        return self._reading.mark

    def serves(self, reading: bytes, text: str) -> bool:
        """Whether a reading is of this text and of this model, and whole."""
        return self._reading.opened(reading, text) is not None

    def embed_and_read(self, texts: Sequence[str], embedder: Embedder) -> tuple[Vectors, list[bytes]]:
        """The embedder's vectors of passages, shape `[n, d]`, and what to keep of each, in the same pass.

        Args:
            texts: passages.
            embedder: one that `reads_with` is true for; its threads do the work.

        Raises:
            ModelError: as for `score`.
        """
        assert isinstance(embedder, OnnxEmbedder)
        vectors, outputs = embedder.embed_by(self._model, texts, ("vectors",))
        readings = []
        longest = self._beneath.max_tokens - FRAME_TOKENS
        long = [i for i, (own,) in enumerate(outputs) if len(own) - FRAME_TOKENS >= longest]
        whole = dict(zip(long, self._read_whole([texts[i] for i in long]), strict=True))
        for i, (text, (own,)) in enumerate(zip(texts, outputs, strict=True)):
            codes = whole[i] if i in whole else self._packed(own[1:-1], text)
            readings.append(self._reading.sealed(codes, text))
        return vectors, readings

    def question(self, query: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The vectors of a question's tokens, shape `[q, d]`, and what each of them counts, shape `[q]`.

        Raises:
            ModelError: as for `score`.
        """
        (ids,) = self._model.tokenizer().pieces([query])
        framed = self._framed(ids[: self.manifest.max_query_tokens])
        vectors, weights = (output[0, 1:-1] for output in self._model.run_question(framed, _OUTPUTS))
        if self._head is not None and len(vectors):
            vectors, weights = self._head.of(vectors, weights)
        self._check_finite(np.column_stack([vectors, weights]).reshape(1, -1), [query], "queries")
        return vectors, weights

    def codes(self, texts: Sequence[str], readings: Sequence[bytes | None]) -> tuple[list[Codes], int]:
        """Those of each text, and how many of the texts had to be read.

        Args:
            texts: passages.
            readings: as for `score_read`.

        Raises:
            ModelError: as for `score`.
        """
        found = [self._reading.opened(kept, text) for text, kept in zip(texts, readings, strict=True)]
        fresh: dict[str, Codes | None] = {
            text: self._recent.get(text) for text, own in zip(texts, found, strict=True) if own is None
        }
        new = [text for text, codes in fresh.items() if codes is None]
        for text, codes in zip(new, self._read_whole(new), strict=True):
            fresh[text] = codes
            self._recent.keep(text, codes, n_bytes=codes.nbytes)
        codes_of = [own if own is not None else fresh[text] for text, own in zip(texts, found, strict=True)]
        return [codes for codes in codes_of if codes is not None], len(new)

    def _read_whole(self, texts: Sequence[str]) -> list[Codes]:
        """Codes of each text, all its windows one after the other."""
        room = self._beneath.max_tokens - FRAME_TOKENS
        pieces = self._model.tokenizer().pieces(texts) if texts else []
        rows = [[_Row(self._framed(piece)) for piece in windows(ids, room)] for ids in pieces]
        self._workers.run([row for some in rows for row in some])
        return [
            self._packed(np.concatenate([row.vectors for row in some]), text)
            for text, some in zip(texts, rows, strict=True)
        ]

    def _packed(self, vectors: NDArray[np.float32], text: str) -> Codes:
        if len(vectors):
            self._check_finite(vectors.reshape(1, -1), [text], "passages")
        return packed(vectors)

    def _framed(self, ids: list[int]) -> list[int]:
        if self._frame is None:
            self._frame = self._model.tokenizer().encode([""], max_tokens=FRAME_TOKENS)[0]
        start, end = self._frame
        return [start, *ids, end]

    def _read(self, rows: Sequence[_Row]) -> None:
        vectors, weights = self._model.run(
            {"input_ids": np.array([row.ids for row in rows], np.int64)}, _OUTPUTS
        )
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
