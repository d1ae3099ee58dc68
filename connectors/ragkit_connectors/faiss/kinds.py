"""The kinds of FAISS index: how each is built, searched and known again.

FAISS's guide to choosing: https://github.com/facebookresearch/faiss/wiki/Guidelines-to-choose-an-index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ragkit.protocols import Vectors
from ragkit_connectors.faiss.vendor import faiss

KEPT_ROWS = 2_000  # a graph of fewer is built in half a second: not worth a file


class Kind(Protocol):
    """How a part of the index is made and searched."""

    @property
    def min_rows(self) -> int:
        """A part of fewer is left as its rows lie, and compared exactly."""
        ...

    @property
    def kept_rows(self) -> int | None:
        """A part of fewer is not worth a file; None if none is."""
        ...

    @property
    def ranks_exactly(self) -> bool:
        """Whether FAISS's scores are the cosines, so that its order is right up to rounding."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of what it writes; empty if it writes nothing."""
        ...

    def wanted(self, k: int) -> int:
        """How many rows to ask FAISS for."""
        ...

    def build(self, vectors: Vectors) -> Any:
        """A FAISS index of these rows."""
        ...

    def parameters(self, wanted: int, selector: Any) -> Any:
        """Of one search."""
        ...

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """Whether an index is one that `build` makes of so many rows; beside their number and length."""
        ...


@dataclass(frozen=True, slots=True)
class Flat:
    """All rows as they lie: a flat index on the CPU would hold a copy of them."""

    min_rows: int = 1 << 62
    kept_rows: int | None = None
    ranks_exactly: bool = True
    fingerprint: str = ""

    def wanted(self, k: int) -> int:
        """One more: where it ties with the k-th, others may."""
        return k + 1

    def build(self, vectors: Vectors) -> Any:
        """Never asked for."""
        raise AssertionError("the rows are searched as they lie")

    def parameters(self, wanted: int, selector: Any) -> Any:
        """None: `faiss.knn` has none."""
        return None

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """Nothing is written, nothing known again."""
        return False


@dataclass(frozen=True, slots=True)
class Hnsw:
    """A graph of neighbours: fast at any size, slow to build."""

    neighbours: int
    ef_construction: int
    ef_search: int
    min_rows: int = 1
    kept_rows: int | None = KEPT_ROWS
    ranks_exactly: bool = True

    @property
    def fingerprint(self) -> str:
        """Of the graph; the effort of a search is not in it."""
        return f"hnsw {self.neighbours} {self.ef_construction}"

    def wanted(self, k: int) -> int:
        """As flat."""
        return k + 1

    def build(self, vectors: Vectors) -> Any:
        """100,000 rows of 384 take two minutes of one core."""
        index = faiss().IndexHNSWFlat(vectors.shape[1], self.neighbours, faiss().METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = self.ef_construction
        index.add(np.ascontiguousarray(vectors))
        return index

    def parameters(self, wanted: int, selector: Any) -> Any:
        """At least as much effort as rows are wanted."""
        return faiss().SearchParametersHNSW(sel=selector, efSearch=max(self.ef_search, wanted))

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """A graph with as many links over as many whole vectors, compared by cosine."""
        if type(index) is not faiss().IndexHNSWFlat or index.hnsw.nb_neighbors(1) != self.neighbours:
            return False
        rows = faiss().downcast_index(index.storage)
        return is_flat_ip(rows) and (rows.ntotal, rows.d) == (n_rows, dimension)


@dataclass(frozen=True, slots=True)
class Sq8:
    """All rows in eight bits per component: nearly exact, a quarter of the memory."""

    candidates: int
    min_rows: int
    kept_rows: int | None = KEPT_ROWS
    ranks_exactly: bool = False
    fingerprint: str = "sq8"

    def wanted(self, k: int) -> int:
        """What is compared exactly; ten more are enough for few."""
        return min(k * self.candidates, 2 * k + 10)

    def build(self, vectors: Vectors) -> Any:
        """The range of each component is that of the rows."""
        quantiser = faiss().ScalarQuantizer.QT_8bit
        index = faiss().IndexScalarQuantizer(vectors.shape[1], quantiser, faiss().METRIC_INNER_PRODUCT)
        index.train(np.ascontiguousarray(vectors))
        index.add(np.ascontiguousarray(vectors))
        return index

    def parameters(self, wanted: int, selector: Any) -> Any:
        """Which rows."""
        return faiss().SearchParameters(sel=selector)

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """One byte per component, each of its own range."""
        is_kind = type(index) is faiss().IndexScalarQuantizer and index.code_size == dimension
        return is_kind and index.sq.qtype == faiss().ScalarQuantizer.QT_8bit


@dataclass(frozen=True, slots=True)
class Cagra(Flat):
    """A graph of neighbours that a GPU builds in seconds, so that no file is kept of it."""

    neighbours: int = 32

    def parameters(self, wanted: int, selector: Any) -> Any:
        """At least as many intermediate results as rows are wanted."""
        return faiss().SearchParametersCagra(itopk_size=max(64, wanted))


def is_flat_ip(index: Any) -> bool:
    """Whether an index within another keeps whole vectors, and compares them as the outer one does."""
    return isinstance(index, faiss().IndexFlat) and index.metric_type == faiss().METRIC_INNER_PRODUCT
