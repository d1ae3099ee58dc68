"""Texts to unit vectors with a local ONNX model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragkit.errors import ConfigError, ModelError
from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import EmbedderManifest, read_manifest
from ragkit.models.workers import FairWorkers, usable_cores
from ragkit.protocols import TextKind, Vectors

BUNDLED = Path(__file__).parent / "bundled" / "minilm"

# Bounds the memory of token ids; long enough that waiting for the last text of a slice costs under 1%.
_SLICE = 1024


class OnnxEmbedder:
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

    Raises:
        ModelError: `folder` holds no embedder.
        ConfigError: `threads` is below 1.

    >>> embedder = OnnxEmbedder()
    >>> cat, kitten, tax = embedder.embed(["a cat", "a kitten", "income tax"], "passage")
    >>> bool(cat @ kitten > cat @ tax)
    True
    """

    def __init__(self, folder: str | Path = BUNDLED, *, threads: int | None = None):
        if threads is not None and threads < 1:
            raise ConfigError(
                f"embedder: threads is {threads}; give 1 or more, or leave it out for all cores"
            )
        self._manifest = read_manifest(Path(folder), EmbedderManifest)
        self._model = LoadedModel(
            Path(folder), self._manifest, inputs=("input_ids",), outputs=("sentence_embedding",)
        )
        self._threads = threads or usable_cores()
        self._workers: FairWorkers[_Row] = FairWorkers(
            self._embed, threads=self._threads, name="ragkit-embed"
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
        """Identifies the vector space: vectors of two fingerprints must never be compared."""
        return self._manifest.fingerprint

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._manifest.dimension

    @property
    def max_tokens(self) -> int:
        """Texts are cut after this many tokens, the two special ones included."""
        return self._manifest.max_tokens

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        return self._manifest.languages

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, dimension]`, float32, in the order of `texts`.

        Args:
            texts: any strings; lone surrogates count as U+FFFD.
            kind: what they are; matters only to models that put a prefix before one of them.

        Raises:
            ModelError: the model's files are damaged, it failed, or it gave NaN or infinity.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        prefix: str = getattr(self._manifest.prefixes, kind)
        for start in range(0, len(texts), _SLICE):
            some = [prefix + text for text in texts[start : start + _SLICE]]
            ids = self._model.tokenizer().encode(some, max_tokens=self.max_tokens)
            self._fill(vectors[start : start + _SLICE], ids)
        unusable = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if unusable.size:
            raise ModelError(
                f"{self.fingerprint} gave NaN or infinity for {unusable.size} of {len(texts)} texts, "
                f"first for number {unusable[0]}: {texts[unusable[0]][:80]!r}. "
                "Install ragkit or fetch the model again."
            )
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, nothing cut, the model's special tokens not counted."""
        return self._model.tokenizer().count(texts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end, in characters of `text`, of each of its tokens in reading order; nothing is cut.

        At most `max_tokens - 2` tokens of a passage are seen by the model, for it adds a start and an end.
        """
        return self._model.tokenizer().spans(text)

    def _fill(self, vectors: Vectors, ids: list[list[int]]) -> None:
        rows = [_Row(row, vectors[i]) for i, row in enumerate(ids)]
        if len(rows) > 1 and self._threads > 1:
            self._workers.run(rows)
        else:
            self._embed(rows)

    def _embed(self, rows: Sequence[_Row]) -> None:
        for row in rows:
            (vectors,) = self._model.run({"input_ids": np.array([row.ids], np.int64)})
            row.vector[:] = vectors[0]


@dataclass(frozen=True, slots=True)
class _Row:
    """A text's tokens, and where its vector goes."""

    ids: list[int]
    vector: Vectors

    def __len__(self) -> int:
        return len(self.ids)
