"""`index/faiss`: nearest neighbours with FAISS, flat (exact) or HNSW (approximate, fast at any size).

FAISS proposes rows; scores and order are computed here from the vectors, so the flat index ranks exactly as
`index/exact` does. Where few rows are allowed they are all compared: HNSW under a selective filter finds
only 91 % of the neighbours at one row in ten and 17 % at one in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.arrays import Ids, rank_cosines
from ragkit.protocols import IndexFile, IndexPart, Vectors
from ragkit.settings import Settings
from ragkit.subsets import MARGIN, Subsets, compare

_COMPARE_BELOW = 0.1  # of all rows
_COMPARE_ROWS = 20_000  # comparing so many takes no longer than a search in a graph
_KEEP_ROWS = 2_000  # built in half a second; fewer are not worth a file
_BLOCK = 1 << 20  # bytes that are handed over at a time
_Rows = NDArray[np.int64]
_NONE: _Rows = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A FAISS index over `n_rows` rows from `first`. Nothing is added to it once it is here.

    None stands for the rows of the matrix as they lie: a flat index would hold a copy of them.
    """

    first: int
    n_rows: int
    index: Any
    path: Path | None = None

    def write(self, take: Callable[[bytes], object]) -> None:
        """Hands over the index as FAISS writes it, a block at a time: it is as large as the vectors."""

        def taken(block: bytes) -> int:
            take(block)
            return len(block)

        _faiss().write_index(self.index, _faiss().PyCallbackIOWriter(taken, _BLOCK))


class FaissIndex:
    """A dense index of FAISS parts over the matrix of a store.

    An index is never added to while it may be searched: new rows go into a part of their own, and parts of
    similar size are built anew as one, so there are O(log n) of them.

    >>> index = FaissIndex().over(np.eye(2, dtype=np.float32), np.array([b"a", b"b"]))
    >>> index.search(np.array([[0, 1]], dtype=np.float32), 1, None)[0].tolist()
    [[1]]
    """

    use = "index/faiss"

    class Config(Settings):
        """Kind and trade-offs of the index."""

        kind: Literal["flat", "hnsw"] = Field("flat", description="Exact, or approximate and faster.")
        neighbours: int = Field(32, ge=4, le=256, description="HNSW: links per vector.")
        ef_construction: int = Field(200, ge=8, le=4096, description="HNSW: effort when building.")
        ef_search: int = Field(128, ge=8, le=4096, description="HNSW: effort when searching.")
        filter_cache_mb: int = Field(
            128, ge=0, description="Most memory for copies of the vectors that filters in use allow."
        )

    config: Config

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._parts: tuple[_Part, ...] = ()
        self._matrix: Vectors = np.empty((0, 0), dtype=np.float32)
        self._ids: Ids = np.empty(0, dtype="S32")
        self._subsets = Subsets(self._matrix, 0)

    def over(self, matrix: Vectors, ids: Ids) -> FaissIndex:
        """This index over a matrix that begins with the rows it already covers."""
        return self._over(matrix, ids, self._parts)

    @property
    def fingerprint(self) -> str:
        """Of graphs: their settings, and the major version of FAISS."""
        config = self.config
        if config.kind == "flat":
            return ""
        version = _faiss().__version__.partition(".")[0]
        return f"faiss {version} hnsw {config.neighbours} {config.ef_construction}"

    def parts(self) -> list[IndexPart]:
        """Those that took a while to build: the larger ones come first."""
        graphs = [] if self.config.kind == "flat" else self._parts
        return [
            IndexPart(part.first, part.n_rows, write=part.write, path=part.path)
            for part in takewhile(lambda part: part.n_rows >= _KEEP_ROWS, graphs)
        ]

    def restored(self, matrix: Vectors, ids: Ids, files: Sequence[IndexFile]) -> FaissIndex:
        """As `over`, with the graphs in files mapped rather than built. FAISS must trust what they hold."""
        opened: list[_Part] = []
        for file in files:
            graph = _opened(file, matrix.shape[1])
            if graph is None:
                break
            opened.append(_Part(file.first_row, file.n_rows, graph, file.path))
        return self._over(matrix, ids, max(tuple(opened), self._parts, key=_n_rows))

    def _over(self, matrix: Vectors, ids: Ids, parts: Sequence[_Part]) -> FaissIndex:
        grown = FaissIndex(**self.config.model_dump())
        grown._matrix, grown._ids = matrix, ids
        grown._subsets = Subsets(matrix, self.config.filter_cache_mb)
        grown._parts = self._grown(matrix, parts)
        return grown

    def _grown(self, matrix: Vectors, known: Sequence[_Part]) -> tuple[_Part, ...]:
        if self.config.kind == "flat":
            return (_Part(0, len(matrix), None),) if len(matrix) else ()
        parts, end = list(known), len(matrix)
        start = parts[-1].first + parts[-1].n_rows if parts else 0
        while parts and end > start and parts[-1].n_rows < 2 * (end - start):
            start = parts.pop().first
        if end > start:
            parts.append(_Part(start, end - start, self._build(matrix[start:end])))
        return tuple(parts)

    def _build(self, vectors: Vectors) -> Any:
        metric = _faiss().METRIC_INNER_PRODUCT
        index = _faiss().IndexHNSWFlat(vectors.shape[1], self.config.neighbours, metric)
        index.hnsw.efConstruction = self.config.ef_construction
        index.add(np.ascontiguousarray(vectors))
        return index

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Rows and cosine similarities, shape `[q, k]`, best first, ties by id; row −1 where fewer exist.

        With `kind: hnsw` a neighbour may be missed; what is returned is scored exactly.
        """
        if allowed is not None and self._compares_all(int(np.count_nonzero(allowed)), k):
            return compare(self._matrix, self._ids, vectors, k, self._subsets.of(allowed))
        found = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.zeros((len(vectors), k), dtype=np.float32)
        parts = [self._of_part(part, vectors, k, allowed) for part in self._parts]
        for i, vector in enumerate(vectors):
            rows = parts[0][i] if len(parts) == 1 else np.concatenate([_NONE, *(part[i] for part in parts)])
            order, cosines = rank_cosines(vector, self._matrix.take(rows, axis=0), self._ids.take(rows), k)
            found[i, : len(order)], scores[i, : len(order)] = rows.take(order), cosines
        return found, scores

    def _compares_all(self, n_allowed: int, k: int) -> bool:
        """Whether each of so many allowed rows is compared, rather than those that a graph leads to."""
        if self.config.kind == "flat":
            return True
        return n_allowed <= max(k, _COMPARE_ROWS, _COMPARE_BELOW * len(self._matrix))

    def _of_part(
        self, part: _Part, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> list[_Rows]:
        """For each vector the part's `k` best allowed rows and all that may tie with the last of them."""
        selector = None
        if allowed is not None:
            bits = np.packbits(allowed[part.first : part.first + part.n_rows], bitorder="little")
            selector = _faiss().IDSelectorBitmap(bits)
        wanted = min(k + 1, part.n_rows)
        out = []
        for i, (scores, rows) in enumerate(zip(*self._near(part, vectors, wanted, selector), strict=True)):
            # One more than k was asked for: where it ties with the k-th, others may.
            more = wanted
            while more > k and rows[-1] >= 0 and scores[k - 1] - scores[-1] <= MARGIN and more < part.n_rows:
                more = min(2 * more, part.n_rows)
                (scores,), (rows,) = self._near(part, vectors[i : i + 1], more, selector)
            if rows[-1] < 0:
                rows = rows[rows >= 0]
            out.append(rows + part.first if part.first else rows)
        return out

    def _near(self, part: _Part, vectors: Vectors, wanted: int, selector: Any) -> tuple[Vectors, _Rows]:
        """Scores and rows within the part, best first, for each vector; row −1 where FAISS found fewer."""
        faiss = _faiss()
        found: tuple[Vectors, _Rows]
        if part.index is None:
            found = faiss.knn(vectors, self._matrix, wanted, metric=faiss.METRIC_INNER_PRODUCT)
        else:
            effort = max(self.config.ef_search, wanted)
            parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=effort)
            found = part.index.search(vectors, wanted, params=parameters)
        return found


def _n_rows(parts: Sequence[_Part]) -> int:
    return sum(part.n_rows for part in parts)


def _opened(file: IndexFile, dimension: int) -> Any:
    """The graph in a file, None if it is none of its rows. Mapped, it takes no memory and milliseconds."""
    faiss = _faiss()
    try:
        graph = faiss.read_index(str(file.path), getattr(faiss, "IO_FLAG_MMAP_IFC", 0))
    except RuntimeError:
        return None
    if not isinstance(graph, faiss.IndexHNSWFlat) or graph.metric_type != faiss.METRIC_INNER_PRODUCT:
        return None
    return graph if (graph.ntotal, graph.d) == (file.n_rows, dimension) else None


def _faiss() -> Any:
    """The module, imported when an index is first used. Its type stubs lack selectors and HNSW parameters."""
    import faiss

    return faiss
