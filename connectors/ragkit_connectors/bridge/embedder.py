"""Embedding models of another library as embedders of ours."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Lock
from typing import Any, ClassVar

from pydantic import Field

from ragkit.protocols import TextKind, Vectors
from ragkit_connectors.bridge.chosen import Choosing
from ragkit_connectors.bridge.shaping import shaping
from ragkit_connectors.bridge.vectors import unit_vectors
from ragkit_connectors.chat.errors import told

_PROBE = "A short text that every model can embed."
# What of a model's settings shapes its vectors, by name: never a key, an address or a header.
_SHAPING = re.compile(
    r"model(_name|_id)?|deployment|dimensions?|size|revision|normali[sz]e\w*|\w*prefix|\w*instruction|truncate"
)


def _shapes(name: str) -> bool:
    return _SHAPING.fullmatch(name) is not None


class ForeignEmbedder(ABC):
    """What the embedders of all other libraries do: unit vectors of one dimension, or an error."""

    class Config(Choosing):
        model: Any = Field(description="An embedding model; in a file the name that one is offered under.")
        space: str | None = Field(
            None,
            min_length=1,
            description="What the vector space is called: vectors of two are never compared. Left out: the "
            "model's class with its settings that shape vectors.",
        )
        dimension: int | None = Field(
            None, ge=1, description="Length of a vector; left out, it is asked for."
        )
        max_tokens: int = Field(512, ge=8, description="Where the model stops reading; chunks are cut to it.")
        batch_size: int = Field(64, ge=1, le=4096, description="Texts in one call.")
        languages: tuple[str, ...] = Field(
            (), description="ISO 639-1 codes the model was trained on; none means any language."
        )

    config: Config
    library: ClassVar[str]
    names: ClassVar[tuple[str, ...]]
    """The attributes of a model that may say what it is called, the likeliest first."""

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked(f"embed/{self.library}", settings)
        self._model = self.config.chosen
        self._dimension = self.config.dimension
        self._lock = Lock()

    @abstractmethod
    def embed_query(self, text: str) -> Sequence[float]:
        """The model's vector of a question."""

    @abstractmethod
    def embed_passages(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """The model's vectors of at most `batch_size` passages."""

    @property
    def name(self) -> str:
        """What the model is called there, else its class."""
        names = (getattr(self._model, key, None) for key in self.names)
        known = (name for name in names if isinstance(name, str) and name and name != "unknown")
        return next(known, type(self._model).__name__)

    @property
    def fingerprint(self) -> str:
        """`space`, or the model's class with what of its settings shapes a vector; no key is among it."""
        if self.config.space is not None:
            return f"{self.library}|{self.config.space}"
        return f"{self.library}|{shaping(self._model, _shapes)}"

    @property
    def dimension(self) -> int:
        """Length of a vector, asked of the model once."""
        with self._lock:
            if self._dimension is None:
                self._dimension = self._asked([_PROBE], "query", None).shape[1]
            return self._dimension

    @property
    def max_tokens(self) -> int:
        """As configured."""
        return self.config.max_tokens

    @property
    def languages(self) -> frozenset[str]:
        """As configured; empty means any."""
        return frozenset(self.config.languages)

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`, in the order of `texts`.

        Raises:
            ModelError: the model failed, or gave what is no vector of its dimension.
        """
        return self._asked(texts, kind, self.dimension)

    def _asked(self, texts: Sequence[str], kind: TextKind, dimension: int | None) -> Vectors:
        found: list[Any] = []
        sent = [text.encode("utf-8", "replace").decode() for text in texts]
        try:
            if kind == "query":
                found = [self.embed_query(text) for text in sent]
            else:
                size = self.config.batch_size
                for start in range(0, len(sent), size):
                    found += self.embed_passages(sent[start : start + size])
        except Exception as error:
            raise told(error, f"{self.library} ({self.name})") from error
        return unit_vectors(found, n=len(texts), dimension=dimension, name=self.name)
