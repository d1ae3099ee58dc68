"""Indexes on GPUs: a copy on each, so that as many searches run at a time as there are GPUs.

FAISS's GPU indexes know neither selectors nor removal, give at most 2,048 rows, and must not be used by two
threads at a time, nor may two indexes of the same `StandardGpuResources`: each GPU has a lock.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.protocols import Vectors
from ragkit_connectors.faiss.vendor import faiss

MOST_ROWS = 2048  # `GPU_MAX_SELECTION_K` of FAISS's DeviceDefs.cuh

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Gpu:
    """One GPU and what all indexes on it share."""

    number: int
    resources: Any
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, eq=False)
class OnGpus:
    """The same index on each GPU; a search takes the first that is free."""

    gpus: Sequence[Gpu]
    copies: Sequence[Any]
    _turns: Iterator[int] = field(default_factory=itertools.count)

    @property
    def ntotal(self) -> int:
        """Rows."""
        return int(self.copies[0].ntotal)

    def search(self, vectors: Vectors, k: int, parameters: Any = None) -> tuple[Vectors, NDArray[np.int64]]:
        """Scores and rows, as FAISS gives them; `k` is at most `MOST_ROWS`."""
        chosen = self._free()
        try:
            found: tuple[Vectors, NDArray[np.int64]] = self.copies[chosen].search(
                vectors, k, params=parameters
            )
        finally:
            self.gpus[chosen].lock.release()
        return found

    def _free(self) -> int:
        """The number of a copy whose GPU is locked now; waits for the next in turn where none is free."""
        first = next(self._turns) % len(self.gpus)
        for step in range(len(self.gpus)):
            i = (first + step) % len(self.gpus)
            if self.gpus[i].lock.acquire(blocking=False):
                return i
        self.gpus[first].lock.acquire()
        return first

    def to_cpu(self) -> Any:
        """The index in main memory, to be written to a file."""
        with self.gpus[0].lock:
            return faiss().index_gpu_to_cpu(self.copies[0])


def chosen_gpus(device: str, *, kind: str, can_be_there: bool) -> tuple[Gpu, ...]:
    """The GPUs to use; none, if the index is to be on the CPU.

    Raises:
        StoreError: `device: gpu`, and FAISS finds none.
    """
    if device == "cpu" or not (can_be_there or device == "gpu"):
        return ()
    found = all_gpus()
    if found and kind == "cagra" and not hasattr(faiss(), "GpuIndexCagra"):
        raise StoreError(
            "index/faiss: kind: cagra needs a FAISS built with cuVS, which this one is not. "
            "Install such a build, for instance faiss-gpu-cuvs, or choose kind: flat or ivf"
        )
    if not found and (device == "gpu" or kind == "cagra"):
        raise StoreError(f"index/faiss: {_missing()}; or set device: cpu, or auto and another kind")
    if not found:
        tell_once(_missing())
    return found


@cache
def all_gpus() -> tuple[Gpu, ...]:
    """All that FAISS sees: `CUDA_VISIBLE_DEVICES` says which. It must be asked before an index is cloned to
    "all GPUs": with none, FAISS 1.15 then gives an empty index.
    """
    if not hasattr(faiss(), "GpuIndexFlatIP"):
        return ()
    try:
        return tuple(Gpu(number, faiss().StandardGpuResources()) for number in range(faiss().get_num_gpus()))
    except RuntimeError as e:  # a driver too old for FAISS's CUDA, for one
        logger.warning("index/faiss: CUDA does not start: %s", e)
        return ()


def _missing() -> str:
    if not hasattr(faiss(), "GpuIndexFlatIP"):
        return (
            "the FAISS installed is built without GPUs. "
            "Run: pip uninstall -y faiss-cpu && pip install 'ragkit[faiss-gpu]'"
        )
    return "FAISS finds no GPU. See whether nvidia-smi lists one and CUDA_VISIBLE_DEVICES hides it"


@cache
def tell_once(what: str) -> None:
    """Where FAISS could use a GPU, somebody meant it to."""
    level = logging.WARNING if hasattr(faiss(), "GpuIndexFlatIP") else logging.DEBUG
    logger.log(level, "index/faiss searches on the CPU: %s", what)
