"""Embeds the chunks of several documents together, and finds the document on which a model fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ragkit.errors import ClusterError, DocumentError, ModelAuthError, ModelError, RateLimitError
from ragkit.protocols import Embedder, PassageReader, Vectors
from ragkit.text.language import UNDETERMINED

# A slice is long enough that its batches are of one length, and short enough to say how far it is.
_FIRST_SLICE = 64
_LAST_SLICE = 512
_SLICE_S = 0.5
_PROBE = "A short text that every model can embed."


# Called with the number of texts that are embedded, and the share of the work that they are, from 0 to 1.
Step = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Passages:
    """What a model made of texts: vectors, shape `[n, d]`, and what a reranker read in each, or nothing."""

    vectors: Vectors
    readings: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Embedded:
    """What was made of each document's chunks, or why nothing was, in the order of the documents."""

    passages: tuple[Passages | DocumentError, ...]
    n_texts: int = field(kw_only=True)


class EmbedsTexts(Protocol):
    """What embeds many texts: an `Embedding`, or workers that have one each."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        ...

    def embed(self, texts: Sequence[str], languages: Mapping[str, str], step: Step) -> Passages:
        """What the models make of the texts; `languages` of each text, `step` is called after each few."""
        ...


class Embedding:
    """An embedder as ingestion uses it, with a reranker that reads the passages in the same pass.

    Args:
        embedder: the collection's.
        reader: whose readings are kept; none are where it does not go with the embedder.
    """

    def __init__(self, embedder: Embedder, reader: PassageReader | None = None) -> None:
        self.name = embedder.name
        self.dimension = embedder.dimension
        self.fingerprint = embedder.fingerprint
        self._embedder = embedder
        self._reader = reader if reader is not None and reader.reads_with(embedder) else None

    def of(self, texts: Sequence[str], languages: Sequence[str]) -> Passages:
        """What the models make of the texts; none is read whose language the reranker does not judge.

        To read those would take long, for the pieces that a model knows of a foreign word are mostly letters.
        """
        reader = self._reader
        if reader is None:
            return Passages(self._embedder.embed(texts, "passage"), [b""] * len(texts))
        known = reader.languages | {UNDETERMINED} if reader.languages else frozenset(languages)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        readings = [b""] * len(texts)
        foreign = [i for i, language in enumerate(languages) if language not in known]
        if foreign:
            vectors[foreign] = self._embedder.embed([texts[i] for i in foreign], "passage")
        judged = [i for i, language in enumerate(languages) if language in known]
        if judged:
            vectors[judged], read = reader.embed_and_read([texts[i] for i in judged], self._embedder)
            for i, reading in zip(judged, read, strict=True):
                readings[i] = reading
        return Passages(vectors, readings)

    def embed(self, texts: Sequence[str], languages: Mapping[str, str], step: Step) -> Passages:
        """What the models make of the texts, those of a length together.

        Raises:
            ModelError: vectors that are no unit vectors; and what the model raises.
        """
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.empty((len(texts), self.dimension), np.float32)
        readings = [b""] * len(texts)
        n_characters = max(1, sum(map(len, texts)))
        start, size, characters = 0, _FIRST_SLICE, 0
        while start < len(order):
            rows = order[start : start + size]
            begun = time.monotonic()
            made = self.of([texts[i] for i in rows], [languages[texts[i]] for i in rows])
            vectors[rows] = _checked(made.vectors, len(rows), self)
            for i, reading in zip(rows, made.readings, strict=True):
                readings[i] = reading
            start += len(rows)
            characters += sum(len(texts[i]) for i in rows)
            # A model's time grows with the length of the texts, and the short ones come first.
            step(start, characters / n_characters)
            if time.monotonic() - begun < _SLICE_S:
                size = min(2 * size, _LAST_SLICE)
        return Passages(vectors, readings)


def embed_documents(
    texts: Sequence[Sequence[str]], languages: Mapping[str, str], embedding: EmbedsTexts, step: Step
) -> Embedded:
    """Embeds the texts of each document, all of them together, sorted by length.

    Where the model fails on a batch but not on a plain text, the documents are embedded one by one, and
    only those on which it fails again give a `DocumentError`. What no document is to blame for ends the run:
    what it had not committed is left to the next one.

    Args:
        texts: of each document.
        languages: of each text.
        step: called after each few texts.

    Raises:
        ClusterError: those who were to embed went away.
        Exception: what the model raises when it cannot embed anything at all, or not any more.
    """
    flat = [text for own in texts for text in own]
    try:
        made = embedding.embed(flat, languages, step)
    except Exception:
        embedding.embed([_PROBE], {_PROBE: "en"}, unseen)
        return _one_by_one(texts, languages, embedding)
    passages, start = [], 0
    for own in texts:
        some = slice(start, start + len(own))
        passages.append(Passages(made.vectors[some], made.readings[some]))
        start += len(own)
    return Embedded(tuple(passages), n_texts=len(flat))


def unseen(n_texts: int, share: float) -> None:
    """A step that nobody looks at."""


def _one_by_one(
    texts: Sequence[Sequence[str]], languages: Mapping[str, str], embedding: EmbedsTexts
) -> Embedded:
    results: list[Passages | DocumentError] = []
    n_texts = 0
    for own in texts:
        try:
            results.append(embedding.embed(own, languages, unseen))
            n_texts += len(own)
        except (ClusterError, RateLimitError, ModelAuthError):
            raise
        except Exception as e:
            # A server may have gone away since the batch failed.
            embedding.embed([_PROBE], {_PROBE: "en"}, unseen)
            reason = (
                f"{embedding.name} cannot embed it ({type(e).__name__}: {e}). Check the text, or leave it out"
            )
            results.append(DocumentError(reason, stage="embed"))
    return Embedded(tuple(results), n_texts=n_texts)


def _checked(vectors: Vectors, n: int, embedding: Embedding) -> Vectors:
    if vectors.shape != (n, embedding.dimension):
        raise ModelError(
            f"{embedding.name} gave vectors of shape {vectors.shape}, expected {(n, embedding.dimension)}"
        )
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    if not np.all(np.abs(lengths - 1.0) < 1e-3):
        raise ModelError(f"{embedding.name} gave vectors that are not of unit length, or NaN")
    return vectors
