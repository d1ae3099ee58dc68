"""`rerank/onnx`: a reranking model of your own, from a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from ragkit.models.late_reranker import LateReranker
from ragkit.models.reranker_folder import open_reranker
from ragkit.protocols import Embedder, Vectors
from ragkit.settings import Settings


class OwnReranker:
    """A reranker on ONNX Runtime, from a folder with `model.onnx`, `tokenizer.json` and `model.json`.

    The folder may hold a cross-encoder or a model that compares token by token. One that training made of the
    bundled reranker goes by what was read in passages at ingestion.

    Example:
        OwnReranker(folder="models/my-reranker").score("who pays?", ["The tenant pays.", "It rained."])
    """

    class Config(Settings):
        folder: Path = Field(description="Folder of the model, as training writes it.")
        threads: int | None = Field(
            None, ge=1, description="Cores to use; all that are usable when left out."
        )

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/onnx", settings)
        self._model = open_reranker(self.config.folder, threads=self.config.threads)

    @property
    def name(self) -> str:
        """The model's name, for people."""
        return self._model.name

    @property
    def fingerprint(self) -> str:
        """Identifies what the scores depend on: two of one fingerprint give the same scores."""
        return self._model.fingerprint

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        return self._model.languages

    @property
    def blend(self) -> Mapping[str, Any] | None:
        """How the model's maker weighs its scores against the order before reranking, if told."""
        return self._model.blend

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One score per text, shape `[n]`, float32, a logit, higher is better, in the order of `texts`.

        Raises:
            ModelError: the model's files are damaged, it failed, or it gave NaN or infinity.
        """
        return self._model.score(query, texts)

    def reads_with(self, embedder: Embedder) -> bool:
        """Whether `embed_and_read` gives this embedder's own vectors; a cross-encoder reads none apart."""
        return isinstance(self._model, LateReranker) and self._model.reads_with(embedder)

    def embed_and_read(self, texts: Sequence[str], embedder: Embedder) -> tuple[Vectors, list[bytes]]:
        """The embedder's vectors of passages, and what to keep of each; only where `reads_with` is true.

        Raises:
            ModelError: as for `score`.
        """
        assert isinstance(self._model, LateReranker)
        return self._model.embed_and_read(texts, embedder)

    @property
    def mark(self) -> bytes:
        """What each of its readings begins with; nothing for a cross-encoder, which reads none apart."""
        return self._model.mark if isinstance(self._model, LateReranker) else b""

    def serves(self, reading: bytes, text: str) -> bool:
        """Whether a reading is of this text and of this model, and whole; a cross-encoder goes by none."""
        return isinstance(self._model, LateReranker) and self._model.serves(reading, text)

    def score_read(
        self, query: str, texts: Sequence[str], readings: Sequence[bytes | None]
    ) -> tuple[Vectors, int]:
        """As `score`, bit for bit, and how many of the texts had to be read.

        Raises:
            ModelError: as for `score`.
        """
        if isinstance(self._model, LateReranker):
            return self._model.score_read(query, texts, readings)
        return self._model.score(query, texts), len(texts)
