"""Texts to unit vectors with a local ONNX model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.models.loaded import LoadedModel
from ragkit.models.local_model import LocalModel
from ragkit.models.manifest import EmbedderManifest
from ragkit.models.workers import FairWorkers
from ragkit.protocols import TextKind, Vectors

BUNDLED = Path(__file__).parent / "bundled" / "minilm"

# Bounds the memory of token ids; long enough that waiting for the last text of a slice costs under 1%.
_SLICE = 1024
_OUTPUTS = ("sentence_embedding",)


class OnnxEmbedder(LocalModel[EmbedderManifest]):
    """Embeds texts with the model of a folder: `model.onnx`, `tokenizer.json`, `model.json`.

    Each text runs alone, so its vector is the same, bit for bit, whatever else is in the call, and no time
    goes into padding. A call with several texts spreads them over `threads` worker threads, which concurrent
    calls share fairly; a call with one text runs in the caller's thread. Any number of threads may call at
    once. The model is loaded, and its checksums compared, by the first call.

    Texts over `max_tokens` tokens lose their end: cut them first with `token_spans`. An empty or blank
    text has a vector too, that of the model's bare start and end tokens.

    Args:
        folder: the model's folder; the bundled all-MiniLM-L6-v2 (English) by default.
        threads: cores to use for one call, at least 1; by default those this process may run on.
        loaded: a model that goes on from the folder's file, and is run in its place.

    Raises:
        ModelError: `folder` holds no embedder.
        ConfigError: `threads` is below 1.

    >>> embedder = OnnxEmbedder()
    >>> cat, kitten, tax = embedder.embed(["a cat", "a kitten", "income tax"], "passage")
    >>> bool(cat @ kitten > cat @ tax)
    True
    """

    def __init__(
        self,
        folder: str | Path = BUNDLED,
        *,
        threads: int | None = None,
        loaded: LoadedModel | None = None,
    ) -> None:
        super().__init__(
            folder,
            EmbedderManifest,
            inputs=("input_ids",),
            outputs=_OUTPUTS,
            threads=threads,
            role="embedder",
            loaded=loaded,
        )
        self._workers: FairWorkers[_Row] = FairWorkers(self._embed, threads=self.threads, name="ragkit-embed")

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.manifest.dimension

    @property
    def max_tokens(self) -> int:
        """Texts are cut after this many tokens, the two special ones included."""
        return self.manifest.max_tokens

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, dimension]`, float32, in the order of `texts`.

        Args:
            texts: any strings; lone surrogates count as U+FFFD.
            kind: what they are; matters only to models that put a prefix before one of them.

        Raises:
            ModelError: the model's files are damaged, it failed, or it gave NaN or infinity.
        """
        prefixed = [getattr(self.manifest.prefixes, kind) + text for text in texts]
        if kind == "query" and len(texts) == 1:
            return self._embedded_question(prefixed[0])
        return self._embedded(self._model, prefixed, ())[0]

    def embed_by(
        self, model: LoadedModel, texts: Sequence[str], outputs: Sequence[str]
    ) -> tuple[Vectors, list[list[NDArray[Any]]]]:
        """The vectors of passages, and what `model`, which goes on from this one's file, gives beside them.

        Args:
            model: with an output for the vectors under this one's name.
            texts: passages.
            outputs: names of the others that are wanted, each of shape `[1, …]`.

        Returns:
            The vectors, as `embed` gives them, and for each text its own part of each output.

        Raises:
            ModelError: as for `embed`.
        """
        return self._embedded(model, [self.manifest.prefixes.passage + text for text in texts], outputs)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, nothing cut, the model's special tokens not counted."""
        return self._model.tokenizer().count(texts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end, in characters of `text`, of each of its tokens in reading order; nothing is cut.

        At most `max_tokens - 2` tokens of a passage are seen by the model, for it adds a start and an end.
        """
        return self._model.tokenizer().spans(text)

    def _embedded_question(self, text: str) -> Vectors:
        """In the caller's thread, by a pass that a reranker of the same loaded model need not repeat."""
        (ids,) = self._model.tokenizer().encode([text], max_tokens=self.max_tokens)
        (found,) = self._model.run_question(ids, _OUTPUTS)
        vectors: Vectors = np.array(found, np.float32)
        self._check_finite(vectors, [text], "texts")
        return vectors

    def _embedded(
        self, model: LoadedModel, texts: Sequence[str], outputs: Sequence[str]
    ) -> tuple[Vectors, list[list[NDArray[Any]]]]:
        vectors, others = np.empty((len(texts), self.dimension), np.float32), []
        for start in range(0, len(texts), _SLICE):
            ids = self._model.tokenizer().encode(texts[start : start + _SLICE], max_tokens=self.max_tokens)
            rows = [_Row(row, vectors[start + i], model, outputs) for i, row in enumerate(ids)]
            if len(rows) > 1 and self.threads > 1:
                self._workers.run(rows)
            else:
                self._embed(rows)
            others += [row.others for row in rows]
        self._check_finite(vectors, texts, "texts")
        return vectors, others

    def _embed(self, rows: Sequence[_Row]) -> None:
        for row in rows:
            vectors, *others = row.model.run(
                {"input_ids": np.array([row.ids], np.int64)}, (*_OUTPUTS, *row.outputs)
            )
            row.vector[:] = vectors[0]
            row.others = [output[0] for output in others]


@dataclass(slots=True)
class _Row:
    """A text's tokens, where its vector goes, and what else is asked of a model."""

    ids: list[int]
    vector: Vectors
    model: LoadedModel
    outputs: Sequence[str]
    others: list[NDArray[Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)
