"""`index/faiss`: nearest neighbours with FAISS, exact or approximate, on CPUs or GPUs.

FAISS proposes rows; scores and order are computed here from the vectors, so the flat index ranks exactly as
`index/exact` does. Where few rows are allowed they are all compared: HNSW under a selective filter finds
only 91 % of the neighbours at one row in ten and 17 % at one in a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids
from ragkit.errors import StoreError
from ragkit.protocols import IndexFile, IndexPart, Vectors
from ragkit.store.abilities import Engine
from ragkit.subsets import Subsets, compare
from ragkit_connectors.faiss import gpu, gpu_build
from ragkit_connectors.faiss.auto import Choice, can_be_on_gpu
from ragkit_connectors.faiss.kinds import Kind
from ragkit_connectors.faiss.rank import ranked
from ragkit_connectors.faiss.search import Part, PartSearch
from ragkit_connectors.faiss.settings import FaissSettings
from ragkit_connectors.faiss.vendor import faiss

_COMPARE_BELOW = 0.1  # of all rows
_COMPARE_ROWS = 20_000  # comparing so many takes no longer than a search in a graph


class FaissIndex:
    """A dense index of FAISS parts over the matrix of a store.

    An index is never added to while it may be searched: new rows go into a part of their own, and parts of
    similar size are built anew as one, so there are O(log n) of them. A part too small for its kind is left
    as the rows lie, and joins the rows that come next.

    >>> index = FaissIndex().over(np.eye(2, dtype=np.float32), np.array([b"a", b"b"]))
    >>> index.search(np.array([[0, 1]], dtype=np.float32), 1, None)[0].tolist()
    [[1]]
    """

    use = "index/faiss"

    class Config(FaissSettings):
        """Kind, device and trade-offs of the index."""

    config: Config

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._parts: tuple[Part, ...] = ()
        self._matrix: Vectors = np.empty((0, 0), dtype=np.float32)
        self._ids: Ids = np.empty(0, dtype="S32")
        self._subsets = Subsets(self._matrix, 0)

    def over(self, matrix: Vectors, ids: Ids) -> FaissIndex:
        """This index over a matrix that begins with the rows it already covers."""
        return self._over(matrix, ids, self._parts)

    def engine(self) -> Engine:
        """FAISS with its kind, and its version."""
        return Engine(f"FAISS {self.config.kind}", version=str(faiss().__version__))

    @property
    def is_exact(self) -> bool:
        """With `kind: flat`; what is compressed or walked through may miss a neighbour."""
        return self.config.kind == "flat"

    @property
    def fingerprint(self) -> str:
        """Of what takes long to build: its settings, and the major version of FAISS."""
        built = self._choice.fingerprint
        return built and f"faiss {faiss().__version__.partition('.')[0]} {built}"

    def parts(self) -> list[IndexPart]:
        """Those that took a while to build: the larger ones come first."""
        return [
            IndexPart(part.first, part.n_rows, write=part.write, path=part.path)
            for part in takewhile(_is_kept, self._parts)
        ]

    def restored(self, matrix: Vectors, ids: Ids, files: Sequence[IndexFile]) -> FaissIndex:
        """As `over`, with what is in files opened rather than built. FAISS must trust what they hold."""
        opened: list[Part] = []
        for file in files:
            part = self._opened(file, matrix.shape[1])
            if part is None:
                break
            opened.append(part)
        return self._over(matrix, ids, max(tuple(opened), self._parts, key=_n_rows))

    def _over(self, matrix: Vectors, ids: Ids, parts: Sequence[Part]) -> FaissIndex:
        grown = FaissIndex(**self.config.model_dump())
        grown._matrix, grown._ids = matrix, ids
        grown._subsets = Subsets(matrix, self.config.filter_cache_mb)
        grown._parts = self._grown(matrix, parts)
        return grown

    @property
    def _gpus(self) -> tuple[gpu.Gpu, ...]:
        kind = self.config.kind
        return gpu.chosen_gpus(self.config.device, kind=kind, can_be_there=can_be_on_gpu(kind))

    @property
    def _choice(self) -> Choice:
        return Choice(self.config, on_gpu=bool(self._gpus))

    def _grown(self, matrix: Vectors, known: Sequence[Part]) -> tuple[Part, ...]:
        parts, end = list(known), len(matrix)
        start = parts[-1].end if parts else 0
        while parts and end > start and (parts[-1].index is None or parts[-1].n_rows < 2 * (end - start)):
            start = parts.pop().first
        if end > start:
            parts.append(self._built(matrix, start))
        return tuple(parts)

    def _built(self, matrix: Vectors, start: int) -> Part:
        vectors, gpus = matrix[start:], self._gpus
        if gpus and len(vectors) >= (kind := self._choice.of(len(vectors))).min_rows:
            try:
                return Part(start, len(vectors), kind, gpu_build.build(kind, vectors, gpus))
            except StoreError as e:
                self._tell_of(e)
        kind = Choice(self.config, on_gpu=False).of(len(vectors))
        index = kind.build(vectors) if len(vectors) >= kind.min_rows else None
        return Part(start, len(vectors), kind, index)

    def _opened(self, file: IndexFile, dimension: int) -> Part | None:
        """The part in a file, None if it is none of its rows. Mapped, it takes no memory and milliseconds."""
        kind, gpus = self._choice.of(file.n_rows), self._gpus
        index = _read(file, kind, dimension)
        if index is not None and gpus:
            try:
                index = gpu_build.moved(index, kind, gpus)
            except StoreError as e:
                self._tell_of(e)
        return None if index is None else Part(file.first_row, file.n_rows, kind, index, file.path)

    def _tell_of(self, error: StoreError) -> None:
        """Goes on without a GPU where it is not asked for.

        Raises:
            StoreError: where it is.
        """
        if self.config.device == "gpu" or self.config.kind == "cagra":
            raise error
        gpu.tell_once(str(error))

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Rows and cosine similarities, shape `[q, k]`, best first, ties by id; row −1 where fewer exist.

        With a kind that is not exact a neighbour may be missed; what is returned is scored exactly.
        """
        if allowed is not None and self._compares_all(int(np.count_nonzero(allowed)), k):
            return compare(self._matrix, self._ids, vectors, k, self._subsets.of(allowed))
        found = [
            PartSearch.of(part, self._matrix, self._ids, allowed).candidates(vectors, k)
            for part in self._parts
        ]
        rows = found[0] if len(found) == 1 else np.concatenate([_none(len(vectors)), *found], axis=1)
        return ranked(vectors, self._matrix, self._ids, rows, k)

    def _compares_all(self, n_allowed: int, k: int) -> bool:
        """Whether each of so many allowed rows is compared, rather than those that FAISS leads to."""
        if all(part.index is None for part in self._parts):
            return True
        return n_allowed <= max(k, _COMPARE_ROWS, _COMPARE_BELOW * len(self._matrix))


def _none(n_queries: int) -> NDArray[np.int64]:
    return np.empty((n_queries, 0), dtype=np.int64)


def _read(file: IndexFile, kind: Kind, dimension: int) -> Any:
    """The index in a file; None if it is not of this kind and of as many rows."""
    try:
        index = faiss().read_index(str(file.path), getattr(faiss(), "IO_FLAG_MMAP_IFC", 0))
    except RuntimeError:
        return None
    is_whole = (index.ntotal, index.d) == (file.n_rows, dimension) and index.is_trained
    if not is_whole or index.metric_type != faiss().METRIC_INNER_PRODUCT:
        return None
    return index if kind.made(index, file.n_rows, dimension) else None


def _n_rows(parts: Sequence[Part]) -> int:
    return sum(part.n_rows for part in parts)


def _is_kept(part: Part) -> bool:
    least = part.kind.kept_rows
    return part.index is not None and least is not None and part.n_rows >= least
