"""Which kind a part is: the one set, or by its rows, the recall wanted and the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragkit_connectors.faiss.kinds import Cagra, Flat, Hnsw, Kind, Sq8
from ragkit_connectors.faiss.lists import Ivf, IvfPq, RaBitQ
from ragkit_connectors.faiss.settings import ON_GPU, FaissSettings

_ON_GPU = Flat(min_rows=1_000)  # fewer are compared on the CPU before a GPU has answered
_ANY = 1 << 40  # rows: what the largest part would be
# Below, and where more recall is wanted than a row names, all rows are compared: one core takes 1.1 ms for
# 20,000 of 384, a tenth of a GPU's memory holds 4,000,000.
_FLAT_ROWS, _GPU_FLAT_ROWS = 20_000, 4_000_000
# The least recall@10 measured at any size up to 100,000 rows, and the effort: `ef_search` of HNSW, and for
# IVF one list of how many is read. See docs/guide/faiss.md for the table, faiss_kinds.py for how it is made.
_EF_SEARCH = ((0.9, 16), (0.96, 32), (0.975, 64), (0.99, 128), (0.997, 256))
_MEASURED_ROWS = 100_000
_ONE_LIST_OF = ((0.9, 12), (0.94, 7), (0.99, 2))


@dataclass(frozen=True, slots=True)
class Choice:
    """The kinds of an index's parts."""

    settings: FaissSettings
    on_gpu: bool

    def of(self, n_rows: int) -> Kind:
        """The kind of a part of so many rows."""
        if self.settings.kind != "auto":
            return self._named(self.settings.kind)
        return self._auto_on_gpu(n_rows) if self.on_gpu else self._auto(n_rows)

    def _auto(self, n_rows: int) -> Kind:
        """HNSW answers soonest of all kinds at a given recall, whatever the size."""
        settings = self.settings
        effort = _least(_EF_SEARCH, settings.recall)
        if effort is None or n_rows < _FLAT_ROWS:
            return Flat()
        # Beyond what was measured it grows as the root of the rows: more than was needed up to there.
        ef_search = round(effort * max(1.0, n_rows / _MEASURED_ROWS) ** 0.5)
        return Hnsw(settings.neighbours, settings.ef_construction, ef_search)

    def _auto_on_gpu(self, n_rows: int) -> Kind:
        """Flat as long as it fits well: exact, and a search reads all rows in a millisecond or two."""
        of_lists = _least(_ONE_LIST_OF, self.settings.recall)
        if of_lists is None or n_rows < _GPU_FLAT_ROWS:
            return _ON_GPU
        lists = Ivf(self.settings.lists, 1, self.settings.train_rows)
        return replace(lists, probes=min(2048, -(-lists.n_lists(n_rows) // of_lists)))

    @property
    def fingerprint(self) -> str:
        """Of the kinds that a part may be."""
        return self.of(_ANY).fingerprint

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


def _least(efforts: Sequence[tuple[float, int]], recall: float) -> int | None:
    """The effort of the first row that reaches a recall; None if no row does."""
    return next((effort for reached, effort in efforts if reached >= recall), None)
