"""The kinds of FAISS index: how each is built, searched and known again.

FAISS's guide to choosing: https://github.com/facebookresearch/faiss/wiki/Guidelines-to-choose-an-index.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any, Protocol

import numpy as np

from ragkit.protocols import Vectors
from ragkit_connectors.faiss.vendor import faiss

# FAISS asks for 39 rows per centroid that is trained, and complains on stderr about fewer.
_PER_CENTROID = 39
_KEPT_ROWS = 2_000  # a graph of fewer is built in half a second: not worth a file


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
    kept_rows: int | None = _KEPT_ROWS
    ranks_exactly: bool = True

    @property
    def fingerprint(self) -> str:
        """Of the graph; the effort of a search is not in it."""
        return f"hnsw {self.neighbours} {self.ef_construction}"

    def wanted(self, k: int) -> int:
        """As flat."""
        return k + 1

    def build(self, vectors: Vectors) -> Any:
        """Takes 30 s for 100,000 rows of 384 on two cores."""
        index = faiss().IndexHNSWFlat(vectors.shape[1], self.neighbours, faiss().METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = self.ef_construction
        index.add(np.ascontiguousarray(vectors))
        return index

    def parameters(self, wanted: int, selector: Any) -> Any:
        """At least as much effort as rows are wanted."""
        return faiss().SearchParametersHNSW(sel=selector, efSearch=max(self.ef_search, wanted))

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """A graph with as many links."""
        return isinstance(index, faiss().IndexHNSWFlat) and index.hnsw.nb_neighbors(1) == self.neighbours


@dataclass(frozen=True, slots=True)
class Ivf:
    """Rows in lists by their nearest centroid; a search reads some of the lists."""

    lists: int | None
    probes: int
    min_rows: int
    kept_rows: int | None = _KEPT_ROWS
    ranks_exactly: bool = True

    @property
    def fingerprint(self) -> str:
        """Of the lists; how many a search reads is not in it."""
        return f"ivf {self.lists}"

    def wanted(self, k: int) -> int:
        """As flat."""
        return k + 1

    def n_lists(self, n_rows: int) -> int:
        """Four times the root of the rows, as FAISS's guide has it, as long as the rows can train them."""
        return max(1, min(self.lists or 4 * isqrt(n_rows), n_rows // _PER_CENTROID))

    def build(self, vectors: Vectors) -> Any:
        """Trained on the rows themselves, on at most 64 per list."""
        index = self.empty(*vectors.shape)
        index.cp.max_points_per_centroid = 64
        index.train(np.ascontiguousarray(vectors))
        index.add(np.ascontiguousarray(vectors))
        return index

    def empty(self, n_rows: int, dimension: int) -> Any:
        """Not trained yet."""
        metric = faiss().METRIC_INNER_PRODUCT
        return faiss().IndexIVFFlat(faiss().IndexFlatIP(dimension), dimension, self.n_lists(n_rows), metric)

    def parameters(self, wanted: int, selector: Any) -> Any:
        """Which lists to read, and which rows of them."""
        return faiss().SearchParametersIVF(sel=selector, nprobe=self.probes)

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """So many lists, and each row in one of them."""
        return type(index) is faiss().IndexIVFFlat and self._listed(index, n_rows)

    def _listed(self, index: Any, n_rows: int) -> bool:
        lists = self.n_lists(n_rows)
        return index.nlist == lists == index.quantizer.ntotal and _holds_rows(index.invlists, lists, n_rows)


@dataclass(frozen=True, slots=True)
class IvfPq(Ivf):
    """The same with vectors quantised, an eighth of a byte per component: a 32nd of the memory."""

    code_bytes: int | None = None
    candidates: int = 8
    ranks_exactly: bool = False

    @property
    def fingerprint(self) -> str:
        """Of lists and codes."""
        return f"ivf-pq {self.lists} {self.code_bytes}"

    def wanted(self, k: int) -> int:
        """What is compared exactly."""
        return k * self.candidates

    def n_codes(self, dimension: int) -> int:
        """The greatest divisor of the length up to the bytes given, or to an eighth of the length."""
        most = min(self.code_bytes or max(dimension // 8, 1), dimension)
        return next(n for n in range(most, 0, -1) if dimension % n == 0)

    def empty(self, n_rows: int, dimension: int) -> Any:
        """Not trained yet."""
        index = faiss().IndexIVFPQ(
            faiss().IndexFlatIP(dimension),
            dimension,
            self.n_lists(n_rows),
            self.n_codes(dimension),
            8,
            faiss().METRIC_INNER_PRODUCT,
        )
        return train_on_fewer(index)

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """So many lists of codes of so many bytes."""
        is_kind = type(index) is faiss().IndexIVFPQ and index.code_size == self.n_codes(dimension)
        return is_kind and self._listed(index, n_rows)


@dataclass(frozen=True, slots=True)
class RaBitQ(IvfPq):
    """The same with one bit per component, which needs no codebooks: a 30th of the memory, built soon."""

    @property
    def fingerprint(self) -> str:
        """Of the lists."""
        return f"rabitq {self.lists}"

    def empty(self, n_rows: int, dimension: int) -> Any:
        """Not trained yet."""
        metric = faiss().METRIC_INNER_PRODUCT
        quantiser = faiss().IndexFlatIP(dimension)
        return faiss().IndexIVFRaBitQ(quantiser, dimension, self.n_lists(n_rows), metric)

    def parameters(self, wanted: int, selector: Any) -> Any:
        """As of lists; a search compares with the query as it is, not with its own bits."""
        return faiss().IVFRaBitQSearchParameters(sel=selector, nprobe=self.probes)

    def made(self, index: Any, n_rows: int, dimension: int) -> bool:
        """So many lists."""
        return type(index) is faiss().IndexIVFRaBitQ and self._listed(index, n_rows)


@dataclass(frozen=True, slots=True)
class Sq8:
    """All rows in eight bits per component: nearly exact, a quarter of the memory."""

    candidates: int
    min_rows: int
    kept_rows: int | None = _KEPT_ROWS
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
        """One byte per component."""
        return type(index) is faiss().IndexScalarQuantizer and index.code_size == dimension


@dataclass(frozen=True, slots=True)
class Cagra(Flat):
    """A graph of neighbours that a GPU builds in seconds, so that no file is kept of it."""

    neighbours: int = 32

    def parameters(self, wanted: int, selector: Any) -> Any:
        """At least as many intermediate results as rows are wanted."""
        return faiss().SearchParametersCagra(itopk_size=max(64, wanted))


def train_on_fewer(index: Any) -> Any:
    """Codebooks are trained on 64 rows per centroid in ten rounds, in a tenth of the time of 256 in 25."""
    index.pq.cp.max_points_per_centroid, index.pq.cp.niter = 64, 10
    return index


def _holds_rows(lists: Any, n_lists: int, n_rows: int) -> bool:
    """Whether lists hold so many rows in all, and no number that is none of a row."""
    total = 0
    for i in range(n_lists):
        size = lists.list_size(i)
        total += size
        if size:
            ids = faiss().rev_swig_ptr(lists.get_ids(i), size)
            if ids.min() < 0 or ids.max() >= n_rows:
                return False
    return total == n_rows
