"""Builds an index on each GPU, or moves one there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ragkit.errors import StoreError
from ragkit.protocols import Vectors
from ragkit_connectors.faiss.gpu import Gpu, OnGpus
from ragkit_connectors.faiss.kinds import Cagra, Flat, Kind
from ragkit_connectors.faiss.lists import Ivf, IvfPq, train_on_fewer
from ragkit_connectors.faiss.vendor import faiss

_HALF_TABLES = 16_384  # entries of IVF-PQ's tables in a block's shared memory; more must be of 16 bits
_ROWS_AT_ONCE = 1 << 18  # handed to a GPU in one call, which copies them there


def build(kind: Kind, vectors: Vectors, gpus: Sequence[Gpu]) -> OnGpus:
    """An index of these rows, trained and filled on the first GPU, and the same on the others."""
    index = _on_first(gpus[0], lambda gpu: _built(kind, vectors, gpu))
    return OnGpus(gpus, [index, *_others(kind, vectors, index, gpus)])


def moved(index: Any, kind: Kind, gpus: Sequence[Gpu]) -> OnGpus:
    """An index that was built before, on each GPU."""

    def onto(gpu: Gpu) -> Any:
        clone = faiss().index_cpu_to_gpu(gpu.resources, gpu.number, index)
        return _set(clone, kind)

    return OnGpus(gpus, [_on_first(gpu, onto) for gpu in gpus])


def _others(kind: Kind, vectors: Vectors, index: Any, gpus: Sequence[Gpu]) -> Sequence[Any]:
    if len(gpus) == 1:
        return ()
    if isinstance(kind, Ivf):
        with gpus[0].lock:
            lists = faiss().index_gpu_to_cpu(index)
        return moved(lists, kind, gpus[1:]).copies
    return [_on_first(gpu, lambda gpu: _built(kind, vectors, gpu)) for gpu in gpus[1:]]


def _on_first(gpu: Gpu, make: Callable[[Gpu], Any]) -> Any:
    """What is made on a GPU, with its lock held.

    Raises:
        StoreError: its memory is too small, most likely; the cause is FAISS's error.
    """
    with gpu.lock:
        try:
            return make(gpu)
        except RuntimeError as e:
            raise StoreError(
                f"index/faiss: GPU {gpu.number} could not take the index: {str(e).splitlines()[-1][:200]}. "
                "Where its memory is too small, choose kind: ivf-pq, or device: cpu"
            ) from e


def _built(kind: Kind, vectors: Vectors, gpu: Gpu) -> Any:
    index = _set(_empty(kind, len(vectors), vectors.shape[1], gpu), kind)
    if not isinstance(kind, Flat) or isinstance(kind, Cagra):
        index.train(np.ascontiguousarray(vectors))
    if isinstance(kind, Cagra):  # trained on all its rows it holds them
        return index
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        index.add(np.ascontiguousarray(vectors[start : start + _ROWS_AT_ONCE]))
    return index


def _empty(kind: Kind, n_rows: int, dimension: int, gpu: Gpu) -> Any:
    module, metric = faiss(), faiss().METRIC_INNER_PRODUCT

    def config(name: str) -> Any:
        made = getattr(module, name)()
        made.device = gpu.number
        return made

    match kind:
        case Cagra():
            options = config("GpuIndexCagraConfig")
            options.graph_degree = kind.neighbours
            return module.GpuIndexCagra(gpu.resources, dimension, metric, options)
        case IvfPq():
            options = config("GpuIndexIVFPQConfig")
            codes = kind.n_codes(dimension)
            options.useFloat16LookupTables = codes * 256 >= _HALF_TABLES
            lists = kind.n_lists(n_rows)
            index = module.GpuIndexIVFPQ(gpu.resources, dimension, lists, codes, 8, metric, options)
            return train_on_fewer(index)
        case Ivf():
            options, lists = config("GpuIndexIVFFlatConfig"), kind.n_lists(n_rows)
            return module.GpuIndexIVFFlat(gpu.resources, dimension, lists, metric, options)
        case _:
            return module.GpuIndexFlatIP(gpu.resources, dimension, config("GpuIndexFlatConfig"))


def _set(index: Any, kind: Kind) -> Any:
    if isinstance(kind, Ivf):
        index.nprobe = kind.probes
    return index
