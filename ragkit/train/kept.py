"""What a reranker read in the passages of a collection, found again by their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragkit.models.late_reranker import LateReranker
from ragkit.protocols import Vectors
from ragkit.train.passages import Passages
from ragkit.types import Chunk


class KeptTexts:
    """What the index keeps of the passages that were seen.

    Args:
        passages: of the collection.

    Example:
        kept = KeptTexts(passages)
        kept.learn(chunks)
        kept.of([chunks[0].search_text])
    """

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        self._kept: dict[str, bytes | None] = {}

    def learn(self, chunks: Sequence[Chunk]) -> None:
        """From now on what was read in these is known."""
        new = [chunk for chunk in chunks if chunk.search_text not in self._kept]
        if new:
            readings = self._passages.readings(new)
            self._kept.update(zip((chunk.search_text for chunk in new), readings, strict=True))

    def of(self, texts: Sequence[str]) -> list[bytes | None]:
        """For each text what was read in it; None where nothing is known."""
        return [self._kept.get(text) for text in texts]


class KeptReranker:
    """A reranker that goes by what the index keeps, as `rerank/model` lets it.

    Args:
        reranker: gives the same scores by itself, bit for bit, in more time.
        kept: of the collection.

    Example:
        KeptReranker(reranker, kept).score("who pays?", ["The tenant pays."])
    """

    def __init__(self, reranker: LateReranker, kept: KeptTexts) -> None:
        self._reranker = reranker
        self._kept = kept

    @property
    def name(self) -> str:
        """The reranker's."""
        return self._reranker.name

    @property
    def fingerprint(self) -> str:
        """The reranker's."""
        return self._reranker.fingerprint

    @property
    def languages(self) -> frozenset[str]:
        """The reranker's."""
        return self._reranker.languages

    @property
    def blend(self) -> Mapping[str, Any] | None:
        """The reranker's."""
        return self._reranker.blend

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """The reranker's."""
        return self._reranker.score_read(query, texts, self._kept.of(texts))[0]
