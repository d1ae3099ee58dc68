"""Vectors of texts that were embedded a moment ago."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ragkit.protocols import Embedder, TextKind, Vectors


class CachingEmbedder:
    """An embedder that remembers its last vectors: stages that judge the same sentences embed them once.

    Ingestion does without it, since a corpus would only wash the cache out.

    Args:
        embedder: the model.
        size: vectors to remember; 4,096 of 384 dimensions take 6 MB.

    >>> from ragkit.models.embedder import OnnxEmbedder
    >>> cached = CachingEmbedder(OnnxEmbedder(), size=100)
    >>> bool((cached.embed(["a cat"], "query") == cached.embed(["a cat"], "query")).all())
    True
    """

    def __init__(self, embedder: Embedder, *, size: int = 4096) -> None:
        self._embedder = embedder
        self._size = size
        self._vectors: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._embedder.name

    @property
    def fingerprint(self) -> str:
        """The model's: the cache changes no vector."""
        return self._embedder.fingerprint

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._embedder.dimension

    @property
    def max_tokens(self) -> int:
        """Where the model cuts texts."""
        return self._embedder.max_tokens

    @property
    def languages(self) -> frozenset[str]:
        """What the model was trained on."""
        return self._embedder.languages

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """As the model's own; only texts that are not remembered are embedded, each once."""
        with self._lock:
            known = {text: self._recalled(text, kind) for text in texts}
        missing = [text for text, vector in known.items() if vector is None]
        if missing:
            fresh = self._embedder.embed(missing, kind)
            with self._lock:
                for text, vector in zip(missing, fresh, strict=True):
                    known[text] = vector
                    # A copy: a row of `fresh` would keep all of it in memory for as long as itself.
                    self._vectors[kind, text] = vector.copy()
                while len(self._vectors) > self._size:
                    self._vectors.popitem(last=False)
        found = [vector for text in texts if (vector := known[text]) is not None]
        return np.stack(found) if found else np.empty((0, self.dimension), dtype=np.float32)

    def _recalled(self, text: str, kind: TextKind) -> Vectors | None:
        vector = self._vectors.get((kind, text))
        if vector is not None:
            self._vectors.move_to_end((kind, text))
        return vector
