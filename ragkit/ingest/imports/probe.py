"""Do the vectors come from the embedder that the collection names? A few texts are embedded to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ragkit.errors import ConfigError, ImportRefusedError
from ragkit.ingest.imports.check import Taken
from ragkit.ingest.imports.measure import unit
from ragkit.protocols import Embedder, Vectors

TEXTS = 16
# python evals/import_probe.py: the same model in int8 and float32 has a median of 0.992 to 0.997, with
# another prefix 0.97 to 0.995, and one that was changed as by training 0.84 to 0.86.
SAME, OTHER = 0.98, 0.9


@dataclass(frozen=True, slots=True)
class Probe:
    """How near the vectors of a few texts are to those that the index holds for them, as cosines.

    Args:
        n: how many texts were embedded.
        median: of their cosines.
        worst: the lowest of them.
        n_far: how many are below 0.9.
        kind: what they were embedded as, `passage` or `query`, whichever came nearer.
        of: what was embedded: their `text`, or the text `with metadata` as the library embeds it.
    """

    n: int
    median: float = field(kw_only=True)
    worst: float = field(kw_only=True)
    n_far: int = field(default=0, kw_only=True)
    kind: str = field(default="passage", kw_only=True)
    of: str = field(default="text", kw_only=True)

    @property
    def note(self) -> str | None:
        """What a reader of the report is to know; None where all is as it should be."""
        if self.median < SAME:
            return (
                "the embedder's vectors are near to the stored ones and not the same: median cosine "
                f"{self.median:.3f} of {self.n} texts. Is it another version, precision or prefix of the "
                "model? Compare answers before you rely on it"
            )
        if self.n_far:
            return (
                f"the vectors of {self.n_far} of {self.n} texts are far from what the embedder makes of "
                f"them, cosine {self.worst:.3f} for one: a part of the index may be of another model, belong "
                "to other texts, or be of texts that another model read further. Compare answers before you "
                "rely on it"
            )
        if self.kind == "query":
            return (
                "the stored vectors are those that the embedder gives to questions, not to passages: whoever "
                "made the index left out the prefix of passages. What is ingested later gets it"
            )
        return None


def check_dimension(vectors: Vectors, embedder: Embedder) -> None:
    """Refuses vectors that the embedder cannot have made.

    Raises:
        ConfigError: they are of another dimension.
    """
    if len(vectors) and vectors.shape[1] != embedder.dimension:
        raise ConfigError(
            f"the index holds vectors of {vectors.shape[1]:,} numbers, and {embedder.name} makes them of "
            f"{embedder.dimension:,}: another model made them. Name that one under models: "
            "in rag.yaml, and give --config rag.yaml. ragkit ingest embeds anew with any"
        )


def probed(taken: Sequence[Taken], vectors: Vectors, embedder: Embedder) -> Probe:
    """Embeds up to 16 texts, spread over the index, and compares. Refuses vectors of another model.

    What the library embedded beside the text (LlamaIndex puts metadata before it) is tried where it is
    known, and so is the form of questions, for models that put another word before those.

    Raises:
        ImportRefusedError: the vectors are of another model.
    """
    some = [taken[int(i)] for i in np.unique(np.linspace(0, len(taken) - 1, min(TEXTS, len(taken))))]
    stored = unit(vectors[[one.row for one in some]])
    texts = [one.text for one in some]
    found = [_compared(stored, embedder.embed(texts, "passage"), "passage", "text")]
    with_metadata = [one.embedded or one.text for one in some]
    if found[0].median < SAME and with_metadata != texts:
        found.append(
            _compared(stored, embedder.embed(with_metadata, "passage"), "passage", "text with metadata")
        )
    if max(one.median for one in found) < SAME:
        found.append(_compared(stored, embedder.embed(texts, "query"), "query", "text"))
    best = max(found, key=lambda one: one.median)
    if best.median < OTHER:
        raise ImportRefusedError(
            f"{embedder.name} did not make these vectors: it embedded {best.n} texts, and the median cosine "
            f"to what is stored is {best.median:.3f}, expected {SAME} and more. Name the model that made "
            "them under models: in rag.yaml. If you know better, say --no-probe"
        )
    return best


def _compared(stored: Vectors, made: Vectors, kind: str, of: str) -> Probe:
    cosines = np.einsum("ij,ij->i", stored, made)
    return Probe(
        len(cosines),
        median=float(np.median(cosines)),
        worst=float(cosines.min()),
        n_far=int((cosines < OTHER).sum()),
        kind=kind,
        of=of,
    )
