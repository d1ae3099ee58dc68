"""`index/faiss`: nearest neighbours with FAISS, on CPUs or GPUs."""

from __future__ import annotations

from ragkit_connectors.faiss.index import FaissIndex

__all__ = ["FaissIndex"]
