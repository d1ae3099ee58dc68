"""Embeds the chunks of several documents together, and finds the document on which a model fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragkit.errors import DocumentError, ModelError
from ragkit.protocols import Embedder, Vectors

# A slice is long enough that its batches are of one length, and short enough to say how far it is.
_FIRST_SLICE = 64
_LAST_SLICE = 512
_SLICE_S = 0.5
_PROBE = "A short text that every model can embed."


# Called with the number of texts that are embedded, and the share of the work that they are, from 0 to 1.
Step = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of each document's chunks, or why there are none, in the order of the documents."""

    vectors: tuple[Vectors | DocumentError, ...]
    n_texts: int = field(kw_only=True)


def embed_documents(texts: Sequence[Sequence[str]], embedder: Embedder, step: Step) -> Embedded:
    """Embeds the texts of each document, all of them together, sorted by length.

    Where the model fails on a batch but not on a plain text, the documents are embedded one by one, and
    only those on which it fails again give a `DocumentError`.

    Args:
        step: called after each few texts.

    Raises:
        Exception: what the model raises when it cannot embed anything at all.
    """
    flat = [text for own in texts for text in own]
    try:
        vectors = _embed(flat, embedder, step)
    except Exception:
        _embed([_PROBE], embedder, _unseen)
        return _one_by_one(texts, embedder)
    ends = np.cumsum([len(own) for own in texts])
    return Embedded(tuple(np.split(vectors, ends[:-1])), n_texts=len(flat))


def _unseen(n_texts: int, share: float) -> None:
    """A step that nobody looks at."""


def _one_by_one(texts: Sequence[Sequence[str]], embedder: Embedder) -> Embedded:
    results: list[Vectors | DocumentError] = []
    n_texts = 0
    for own in texts:
        try:
            results.append(_embed(own, embedder, _unseen))
            n_texts += len(own)
        except Exception as e:
            reason = (
                f"{embedder.name} cannot embed it ({type(e).__name__}: {e}). Check the text, or leave it out"
            )
            results.append(DocumentError(reason, stage="embed"))
    return Embedded(tuple(results), n_texts=n_texts)


def _embed(texts: Sequence[str], embedder: Embedder, step: Step) -> Vectors:
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = np.empty((len(texts), embedder.dimension), np.float32)
    n_characters = max(1, sum(map(len, texts)))
    start, size, characters = 0, _FIRST_SLICE, 0
    while start < len(order):
        rows = order[start : start + size]
        begun = time.monotonic()
        vectors[rows] = _checked(embedder.embed([texts[i] for i in rows], "passage"), len(rows), embedder)
        start += len(rows)
        characters += sum(len(texts[i]) for i in rows)
        # A model's time grows with the length of the texts, and the short ones come first.
        step(start, characters / n_characters)
        if time.monotonic() - begun < _SLICE_S:
            size = min(2 * size, _LAST_SLICE)
    return vectors


def _checked(vectors: Vectors, n: int, embedder: Embedder) -> Vectors:
    if vectors.shape != (n, embedder.dimension):
        raise ModelError(
            f"{embedder.name} gave vectors of shape {vectors.shape}, expected {(n, embedder.dimension)}"
        )
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    if not np.all(np.abs(lengths - 1.0) < 1e-3):
        raise ModelError(f"{embedder.name} gave vectors that are not of unit length, or NaN")
    return vectors
