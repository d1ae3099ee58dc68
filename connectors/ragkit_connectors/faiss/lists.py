"""Kinds that keep rows, whole or compressed, in lists by their nearest centroid, and read some of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np

from ragkit.protocols import Vectors
from ragkit_connectors.faiss.kinds import KEPT_ROWS, is_flat_ip
from ragkit_connectors.faiss.vendor import faiss

# FAISS asks for 39 rows per centroid that is trained, and complains on stderr about fewer.
_PER_CENTROID = 39


@dataclass(frozen=True, slots=True)
class Ivf:
    """Rows in lists by their nearest centroid; a search reads some of the lists."""

    lists: int | None
    probes: int
    min_rows: int
    kept_rows: int | None = KEPT_ROWS
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
        lists, centroids = self.n_lists(n_rows), faiss().downcast_index(index.quantizer)
        if not is_flat_ip(centroids) or centroids.d != index.d:
            return False
        return index.nlist == lists == centroids.ntotal and _holds_rows(index.invlists, lists, n_rows)


@dataclass(frozen=True, slots=True)
class IvfPq(Ivf):
    """The same with vectors quantised, an eighth of a byte per component: a 32nd of the memory."""

    code_bytes: int | None = None
    candidates: int = 16
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
        is_kind = type(index) is faiss().IndexIVFPQ and index.pq.nbits == 8
        return is_kind and self.n_codes(dimension) == index.pq.M and self._listed(index, n_rows)


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


def train_on_fewer(index: Any) -> Any:
    """Codebooks are trained on 64 rows per centroid in ten rounds, in a tenth of the time of 256 in 25."""
    index.pq.cp.max_points_per_centroid, index.pq.cp.niter = 64, 10
    return index


def _holds_rows(lists: Any, n_lists: int, n_rows: int) -> bool:
    """Whether lists hold each of so many rows once, and no number that is none of a row."""
    total, held = 0, np.zeros(n_rows, dtype=bool)
    for i in range(n_lists):
        size = lists.list_size(i)
        total += size
        if size:
            ids = faiss().rev_swig_ptr(lists.get_ids(i), size)
            if ids.min() < 0 or ids.max() >= n_rows:
                return False
            held[ids] = True
    return total == n_rows and bool(held.all())
