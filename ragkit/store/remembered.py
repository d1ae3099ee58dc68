"""What a collection worked out a moment ago and is asked for again: sentences, vectors, weights of terms."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from ragkit.models.cache import CachingEmbedder
from ragkit.protocols import Analyzer, Embedder, Scope, SparseIndex, TextKind, Vectors
from ragkit.text.reading import read
from ragkit.types import Chunk, ReadSentence

# About 15 sentences each, 2 KB with their words.
_CHUNKS_READ = 1024
_WEIGHTS_KEPT = 50_000


class Remembered:
    """Bounded memories, each safe under threads. `vectors_kept` bounds that of vectors.

    >>> from ragkit.models.embedder import OnnxEmbedder
    >>> from ragkit.text.analyze import Analyzer
    >>> Remembered(OnnxEmbedder(), Analyzer()).embed(["a cat"], "query").shape
    (1, 384)
    """

    def __init__(self, embedder: Embedder, analyzer: Analyzer, vectors_kept: int = 4096) -> None:
        self._embedder = CachingEmbedder(embedder, size=vectors_kept)
        self._analyzer = analyzer
        # One value, replaced as a whole: a thread in between never mixes the weights of two tenants.
        self._weights: tuple[tuple[str | None, int | None] | None, dict[str, float]] = (None, {})
        self._read: OrderedDict[tuple[str, int, str], tuple[ReadSentence, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """The embedder's vectors, shape `[n, d]`."""
        return self._embedder.embed(texts, kind)

    def sentences(self, chunk: Chunk) -> tuple[ReadSentence, ...]:
        """The chunk's sentences with their analysed words."""
        # By what is read and never by the id alone, which whoever writes a chunk may choose.
        key = (chunk.text, chunk.span.start, chunk.lang)
        with self._lock:
            known = self._read.get(key)
            if known is not None:
                self._read.move_to_end(key)
                return known
        fresh = read(chunk, self._analyzer.terms)
        with self._lock:
            self._read[key] = fresh
            while len(self._read) > _CHUNKS_READ:
                self._read.popitem(last=False)
        return fresh

    def weights(self, terms: Sequence[str], scope: Scope, index: SparseIndex) -> dict[str, float]:
        """Each term's idf in the population of the scope, whose commit is pinned; a filter changes none."""
        population = (scope.tenant, scope.commit)
        held = self._weights
        if held[0] != population or len(held[1]) > _WEIGHTS_KEPT:
            self._weights = held = (population, {})
        known = held[1]
        missing = [term for term in terms if term not in known]
        # A perfect match for one term alone scores its idf, which is the same whatever the filter.
        found = index.search_terms([[term] for term in missing], 1, scope) if missing else []
        fresh = {term: batch.ceiling for term, batch in zip(missing, found, strict=True)}
        known.update(fresh)
        return {term: fresh[term] if term in fresh else known[term] for term in terms}
