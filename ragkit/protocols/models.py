"""What a local model must offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
TextKind = Literal["query", "passage"]


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors. A text's vector does not depend on what it is embedded with."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identifies the vector space: vectors of two fingerprints must never be compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Texts are cut after this many tokens."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        ...

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`, float32, in the order of `texts`.

        Raises:
            ModelError: the model gave NaN or infinity.
        """
        ...


@runtime_checkable
class Reranker(Protocol):
    """Scores how well each text answers a query, reading both together."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        ...

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One score per text, shape `[n]`, float32, higher is better, whatever the other texts are."""
        ...


@runtime_checkable
class PassageReader(Reranker, Protocol):
    """A reranker that reads passages apart from queries, so that what it reads can be kept with them.

    A reading is bytes that know the model and the text that they are of. Scores never depend on whether
    there is one.
    """

    def reads_with(self, embedder: Embedder) -> bool:
        """Whether `embed_and_read` gives this embedder's own vectors, bit for bit."""
        ...

    def embed_and_read(self, texts: Sequence[str], embedder: Embedder) -> tuple[Vectors, list[bytes]]:
        """The embedder's vectors of passages, shape `[n, d]`, and a reading of each, in one pass."""
        ...

    @property
    def mark(self) -> bytes:
        """What each of its readings begins with, and none that it has no use for, whatever the text."""
        ...

    def serves(self, reading: bytes, text: str) -> bool:
        """Whether the reading is of this text and of this model, and whole."""
        ...

    def score_read(
        self, query: str, texts: Sequence[str], readings: Sequence[bytes | None]
    ) -> tuple[Vectors, int]:
        """As `score`, and how many texts had to be read as their readings are not of use."""
        ...


@runtime_checkable
class BlendingReranker(Reranker, Protocol):
    """A reranker whose maker found how its scores are weighed against the order before reranking."""

    @property
    def blend(self) -> Mapping[str, Any] | None:
        """The weights, as `ragkit.rerank.blend.Blend` has them; None where its maker found none."""
        ...
