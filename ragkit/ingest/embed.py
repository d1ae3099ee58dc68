"""Embeds the chunks of several documents together, and finds the document on which a model fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragkit.errors import DocumentError, ModelError
from ragkit.protocols import Embedder, Vectors

# Long enough that length-sorted batches are of one length, short enough for a progress bar.
_SLICE = 512
_PROBE = "A short text that every model can embed."


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of each document's chunks, or why there are none, in the order of the documents."""

    vectors: tuple[Vectors | DocumentError, ...]
    n_texts: int = field(kw_only=True)


def embed_documents(
    texts: Sequence[Sequence[str]], embedder: Embedder, step: Callable[[int], None]
) -> Embedded:
    """Embeds the texts of each document, all of them together, sorted by length.

    Where the model fails on a batch but not on a plain text, the documents are embedded one by one, and
    only those on which it fails again give a `DocumentError`.

    Args:
        step: called with the number of texts embedded so far.

    Raises:
        Exception: what the model raises when it cannot embed anything at all.
    """
    flat = [text for own in texts for text in own]
    try:
        vectors = _embed(flat, embedder, step)
    except Exception:
        _embed([_PROBE], embedder, lambda _: None)
        return _one_by_one(texts, embedder)
    ends = np.cumsum([len(own) for own in texts])
    return Embedded(tuple(np.split(vectors, ends[:-1])), n_texts=len(flat))


def _one_by_one(texts: Sequence[Sequence[str]], embedder: Embedder) -> Embedded:
    results: list[Vectors | DocumentError] = []
    n_texts = 0
    for own in texts:
        try:
            results.append(_embed(own, embedder, lambda _: None))
            n_texts += len(own)
        except Exception as e:
            reason = (
                f"{embedder.name} cannot embed it ({type(e).__name__}: {e}). Check the text, or leave it out"
            )
            results.append(DocumentError(reason, stage="embed"))
    return Embedded(tuple(results), n_texts=n_texts)


def _embed(texts: Sequence[str], embedder: Embedder, step: Callable[[int], None]) -> Vectors:
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = np.empty((len(texts), embedder.dimension), np.float32)
    for start in range(0, len(order), _SLICE):
        rows = order[start : start + _SLICE]
        part = embedder.embed([texts[i] for i in rows], "passage")
        if part.shape != (len(rows), embedder.dimension):
            raise ModelError(
                f"{embedder.name} gave vectors of shape {part.shape}, "
                f"expected {(len(rows), embedder.dimension)}"
            )
        lengths = np.einsum("ij,ij->i", part, part)
        if not np.all(np.abs(lengths - 1.0) < 1e-3):
            raise ModelError(f"{embedder.name} gave vectors that are not of unit length, or NaN")
        vectors[rows] = part
        step(start + len(rows))
    return vectors
