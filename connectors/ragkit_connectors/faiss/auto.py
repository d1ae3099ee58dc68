"""Which kind a part is: the one set, or by its rows, the recall wanted and the device."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit_connectors.faiss.kinds import Cagra, Flat, Hnsw, Ivf, IvfPq, Kind, RaBitQ, Sq8
from ragkit_connectors.faiss.settings import ON_GPU, FaissSettings

_ON_GPU = Flat(min_rows=1_000)  # fewer are compared on the CPU before a GPU has answered
_GPU_FLAT_ROWS = 4_000_000
_CPU_FLAT_ROWS = 20_000
_EFFORTS = ((0.9, 64), (0.95, 128), (0.99, 256))  # recall, HNSW's ef_search


@dataclass(frozen=True, slots=True)
class Choice:
    """The kinds of an index's parts."""

    settings: FaissSettings
    on_gpu: bool

    def of(self, n_rows: int) -> Kind:
        """The kind of a part of so many rows."""
        settings = self.settings
        if settings.kind != "auto":
            return self._named(settings.kind)
        if self.on_gpu:
            return self._named("flat" if n_rows < _GPU_FLAT_ROWS else "ivf")
        effort = next((effort for recall, effort in _EFFORTS if settings.recall <= recall), None)
        if effort is None or n_rows < _CPU_FLAT_ROWS:
            return Flat()
        return Hnsw(settings.neighbours, settings.ef_construction, effort)

    @property
    def is_exact(self) -> bool:
        """Whether every part is compared in full."""
        return isinstance(self.of(1 << 40), Flat) and not isinstance(self.of(1 << 40), Cagra)

    @property
    def fingerprint(self) -> str:
        """Of the kinds that a part may be."""
        return self.of(1 << 40).fingerprint

    def _named(self, name: str) -> Kind:
        settings = self.settings
        lists, probes, rows, candidates = (
            settings.lists,
            settings.probes,
            settings.train_rows,
            settings.candidates,
        )
        match name:
            case "flat":
                return _ON_GPU if self.on_gpu else Flat()
            case "hnsw":
                return Hnsw(settings.neighbours, settings.ef_construction, settings.ef_search)
            case "ivf":
                return Ivf(lists, probes, rows)
            case "ivf-pq":
                return IvfPq(lists, probes, rows, code_bytes=settings.code_bytes, candidates=candidates)
            case "rabitq":
                return RaBitQ(lists, probes, rows, candidates=candidates)
            case "sq8":
                return Sq8(candidates, rows)
            case _:
                return Cagra(min_rows=_ON_GPU.min_rows, neighbours=settings.neighbours)


def can_be_on_gpu(kind: str) -> bool:
    """Whether FAISS has the kind there."""
    return kind in ON_GPU
