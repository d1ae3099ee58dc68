"""What the workers of the tests run beside ragkit: cheap vectors, and documents that kill who reads them."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from ragkit.errors import ModelError
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.protocols import TextKind, Vectors
from ragkit.settings import Settings
from ragkit.types import Document, Span

KILLS_CHUNKER = "kills-its-chunker"
KILLS_EMBEDDER = "kills-its-embedder"
FAILS_EMBEDDER = "fails-its-embedder"
DIMENSION = 24


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Hashed:
    """Unit vectors drawn from the hash of a text, after some milliseconds for each."""

    class Config(Settings):
        sleep_ms: float = Field(0.0, ge=0.0, description="Milliseconds that a text takes.")
        at_once: int = Field(0, ge=0, description="So many texts, first of all, take no time.")
        salt: str = Field("", description="Of the hash.")

    dimension = DIMENSION
    max_tokens = 256
    languages: frozenset[str] = frozenset()
    name = "hashed"

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("embed/hashed", settings)
        self._n = 0
        self.fingerprint = f"hashed/1/{self.config.salt}"

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """One vector per text."""
        if any(KILLS_EMBEDDER in text for text in texts):
            _die()
        if any(FAILS_EMBEDDER in text for text in texts):
            raise ModelError("NaN")
        slow = min(len(texts), max(0, self._n + len(texts) - self.config.at_once))
        self._n += len(texts)
        time.sleep(slow * self.config.sleep_ms / 1e3)
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256((self.config.salt + text).encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
        unit: Vectors = vector / np.linalg.norm(vector)
        return unit


class Deadly(RecursiveChunker):
    """Cuts as ragkit does, and dies of some documents."""

    def split(self, document: Document) -> list[Span]:
        """See `Chunker.split`."""
        if KILLS_CHUNKER in document.text:
            _die()
        return super().split(document)
