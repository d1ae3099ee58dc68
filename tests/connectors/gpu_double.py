"""What FAISS offers of GPUs, run on the CPU: it refuses what GPUs refuse.

Selectors, more than 2,048 rows, and two threads at a time with the resources of one GPU raise, as they must
not reach a real one. Stands for the vendor's module where there is no GPU; what calls it is ours.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest


class StandardGpuResources:
    def __init__(self) -> None:
        self._busy = threading.Lock()

    @contextmanager
    def used(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("two threads use one GPU's resources")
        try:
            yield
        finally:
            self._busy.release()


class GpuIndex:
    """Over a CPU index; what is not named here does not exist."""

    def __init__(self, resources: StandardGpuResources, index: Any, device: int) -> None:
        self._resources, self._index, self.device = resources, index, device
        self.n_searches = 0

    @property
    def ntotal(self) -> int:
        return int(self._index.ntotal)

    @property
    def pq(self) -> Any:
        return self._index.pq

    @property
    def nprobe(self) -> int:
        return int(self._index.nprobe)

    @nprobe.setter
    def nprobe(self, value: int) -> None:
        self._index.nprobe = value

    def train(self, vectors: Any) -> None:
        with self._resources.used():
            self._index.train(vectors)

    def add(self, vectors: Any) -> None:
        with self._resources.used():
            self._index.add(vectors)

    def search(self, vectors: Any, k: int, params: Any = None) -> Any:
        if k > 2048:
            raise RuntimeError("GPU index only supports min/max-K selection up to 2048")
        if params is not None and params.sel is not None:
            raise RuntimeError("GPU indexes take no selector")
        with self._resources.used():
            self.n_searches += 1
            return self._index.search(vectors, k)


def installed(patch: pytest.MonkeyPatch, n_gpus: int, *, cuvs: bool = False) -> None:
    """FAISS as it is with so many GPUs, until the patch is undone."""
    import faiss

    from ragkit_connectors.faiss import gpu

    def config() -> Any:
        return SimpleNamespace(device=0)

    def made(resources: Any, index: Any, options: Any) -> GpuIndex:
        return GpuIndex(resources, index, options.device)

    def flat(resources: Any, d: int, options: Any) -> GpuIndex:
        return made(resources, faiss.IndexFlatIP(d), options)

    def ivf(resources: Any, d: int, lists: int, metric: int, options: Any) -> GpuIndex:
        return made(resources, faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, lists, metric), options)

    def ivf_pq(
        resources: Any, d: int, lists: int, codes: int, bits: int, metric: int, options: Any
    ) -> GpuIndex:
        return made(resources, faiss.IndexIVFPQ(faiss.IndexFlatIP(d), d, lists, codes, bits, metric), options)

    def to_gpu(resources: Any, device: int, index: Any) -> GpuIndex:
        return GpuIndex(resources, faiss.clone_index(index), device)

    class Cagra(GpuIndex):
        def __init__(self, resources: Any, d: int, metric: int, options: Any) -> None:
            super().__init__(resources, faiss.IndexHNSWFlat(d, options.graph_degree, metric), options.device)

        def train(self, vectors: Any) -> None:
            super().add(vectors)

        def add(self, vectors: Any) -> None:
            raise RuntimeError("add not supported")

    cagra = {
        "GpuIndexCagra": Cagra,
        "GpuIndexCagraConfig": config,
        "SearchParametersCagra": lambda itopk_size: SimpleNamespace(sel=None, itopk_size=itopk_size),
    }
    names: dict[str, object] = {
        "get_num_gpus": lambda: n_gpus,
        "StandardGpuResources": StandardGpuResources,
        "GpuIndexFlatIP": flat,
        "GpuIndexIVFFlat": ivf,
        "GpuIndexIVFPQ": ivf_pq,
        "index_cpu_to_gpu": to_gpu,
        "index_gpu_to_cpu": lambda index: faiss.clone_index(index._index),
        **{f"GpuIndex{name}Config": config for name in ("Flat", "IVFFlat", "IVFPQ")},
        **(cagra if cuvs else {}),
    }
    for name, value in names.items():
        patch.setattr(faiss, name, value, raising=False)
    # What is remembered of the machine is not to outlast the patch.
    for name in ("all_gpus", "tell_once"):
        patch.setattr(gpu, name, cache(getattr(gpu, name).__wrapped__))
