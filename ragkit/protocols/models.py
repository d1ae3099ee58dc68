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
class BlendingReranker(Reranker, Protocol):
    """A reranker whose maker found how its scores are weighed against the order before reranking."""

    @property
    def blend(self) -> Mapping[str, Any] | None:
        """The weights, as `ragkit.rerank.blend.Blend` has them; None where its maker found none."""
        ...
