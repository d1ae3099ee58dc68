"""`embed/sentence-transformers` and `rerank/cross-encoder`: any hub or local model, on CPU or GPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from ragkit.errors import MissingExtraError, ModelError
from ragkit.protocols import TextKind, Vectors
from ragkit.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer


class ModelSettings(Settings):
    """What names and loads a model of sentence-transformers."""

    model: str = Field(min_length=1, description="Name on the hub, or a local folder.")
    revision: str | None = Field(None, description="Commit or tag on the hub; pin it in production.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps.")
    batch_size: int = Field(32, ge=1, le=4096, description="Texts in one batch.")
    max_tokens: int | None = Field(None, ge=8, description="Cut texts after this many tokens.")
    languages: tuple[str, ...] = Field(
        (), description="ISO 639-1 codes the model was trained on; none means any language."
    )


class SentenceTransformersEmbedder:
    """An embedding model run by sentence-transformers.

    Texts are sorted by length, so that short ones are not padded to long ones; vectors come back in the
    order of the texts, unit length. The model is loaded at first use, safetensors only, and no code from
    its repository is run.

    Example:
        SentenceTransformersEmbedder(model="intfloat/multilingual-e5-small", query_prefix="query: ",
                                     passage_prefix="passage: ")
    """

    class Config(ModelSettings):
        query_prefix: str = Field("", description="Put before every query, as some models want.")
        passage_prefix: str = Field("", description="Put before every passage.")

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("embed/sentence-transformers", settings)
        self._loaded: SentenceTransformer | None = None
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The model's name or the last part of its folder."""
        return Path(self.config.model).name

    @property
    def fingerprint(self) -> str:
        """Model, revision, prefixes and cut: what a vector depends on."""
        c = self.config
        return "|".join(
            ("st", c.model, c.revision or "", c.query_prefix, c.passage_prefix, str(self.max_tokens))
        )

    @property
    def dimension(self) -> int:
        """Length of a vector, asked of the model."""
        found = self._model().get_embedding_dimension()
        if found is None:
            raise ModelError(f"{self.config.model}: the model does not tell its dimension; use another model")
        return int(found)

    @property
    def max_tokens(self) -> int:
        """Where texts are cut."""
        return int(self.config.max_tokens or self._model().max_seq_length or 512)

    @property
    def languages(self) -> frozenset[str]:
        """As configured; empty means any."""
        return frozenset(self.config.languages)

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`.

        Raises:
            MissingExtraError: sentence-transformers is not installed.
            ModelError: the model cannot be loaded, or gave NaN or infinity.
        """
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        prefix = self.config.query_prefix if kind == "query" else self.config.passage_prefix
        # sentence-transformers sorts by length itself; it is not safe to call from several threads.
        model = self._model()
        with self._lock:
            vectors = model.encode(
                [prefix + encodable(text) for text in texts],
                batch_size=self.config.batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return finite(np.asarray(vectors, dtype=np.float32), self.config.model)

    def _model(self) -> SentenceTransformer:
        with self._lock:
            if self._loaded is None:
                package = library("embed/sentence-transformers")
                self._loaded = load_model(package.SentenceTransformer, self.config)
                if self.config.max_tokens:
                    self._loaded.max_seq_length = self.config.max_tokens
            return self._loaded


class CrossEncoderReranker:
    """A cross-encoder run by sentence-transformers, for `rerank/model`.

    Example:
        CrossEncoderReranker(model="BAAI/bge-reranker-v2-m3")
    """

    class Config(ModelSettings):
        pass

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/cross-encoder", settings)
        self._loaded: CrossEncoder | None = None
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The model's name or the last part of its folder."""
        return Path(self.config.model).name

    @property
    def languages(self) -> frozenset[str]:
        """As configured; empty means any."""
        return frozenset(self.config.languages)

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One score per text, shape `[n]`, float32, higher is better, in the order of `texts`.

        Raises:
            MissingExtraError: sentence-transformers is not installed.
            ModelError: the model cannot be loaded, gave NaN or infinity, or has more than one output.
        """
        if not texts:
            return np.empty(0, dtype=np.float32)
        model = self._model()
        with self._lock:
            scores = np.asarray(
                model.predict(
                    [(encodable(query), encodable(text)) for text in texts],
                    batch_size=self.config.batch_size,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                ),
                dtype=np.float32,
            )
        if scores.shape != (len(texts),):
            raise ModelError(
                f"{self.config.model} gives {scores.shape[1:]} outputs for a passage, a reranker gives one. "
                "Choose a model for ranking"
            )
        return finite(scores, self.config.model)

    def _model(self) -> CrossEncoder:
        with self._lock:
            if self._loaded is None:
                package = library("rerank/cross-encoder")
                self._loaded = load_model(package.CrossEncoder, self.config)
                if self.config.max_tokens:
                    self._loaded.max_length = self.config.max_tokens
            return self._loaded


def library(component: str) -> Any:
    """sentence-transformers, for this component; MissingExtraError where it is not installed."""
    try:
        import sentence_transformers
    except ModuleNotFoundError as e:
        raise MissingExtraError(
            component, package="sentence_transformers", extra="sentence-transformers"
        ) from e
    return sentence_transformers


def load_model(kind: Any, config: ModelSettings) -> Any:
    """A model of this kind, safetensors only and without code of its own; ModelError where it cannot be."""
    try:
        return kind(
            config.model,
            revision=config.revision,
            device=None if config.device == "auto" else config.device,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, RuntimeError) as e:
        raise ModelError(
            f"the model {config.model!r} cannot be loaded: {e}. Expected a name on the hub or a local folder "
            "with safetensors weights; without network, download it elsewhere and give the folder"
        ) from e


def encodable(text: str) -> str:
    """The text without lone surrogates, which tokenizers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")


def finite(values: Vectors, model: str) -> Vectors:
    """The values; ModelError where one is no number."""
    if not np.isfinite(values).all():
        raise ModelError(
            f"the model {model!r} gave NaN or infinity. Its files may be damaged: fetch it again"
        )
    return values
