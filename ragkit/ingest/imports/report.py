"""What became of every passage of an import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ragkit.ingest.imports.check import Skipped
from ragkit.ingest.imports.measure import Measure
from ragkit.ingest.imports.probe import Probe


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of one import; `read = written + unchanged + skipped` always holds, in passages.

    Args:
        read: passages in the index.
        written: those that were written, or in a dry run would be.
        unchanged: those that an earlier import had brought.
        skipped: those that were left out; `left_out` names each with its reason.
        documents: documents that were written.
        unchanged_documents: documents that were there already.
        replaced: of those that were written, how many replaced what an earlier import had brought.
        with_offsets: documents whose passages stand where the source had them.
        dry_run: whether nothing was written on purpose.
        measure: by what the index compares, and its vectors' lengths.
        probe: what came of embedding a few texts; None where that was not done.
        notes: what a reader might not expect.

    >>> ImportReport("chroma", read=3, written=2, skipped=1).as_json()["read"]
    3
    """

    source: str
    read: int = field(kw_only=True)
    written: int = field(default=0, kw_only=True)
    unchanged: int = field(default=0, kw_only=True)
    skipped: int = field(default=0, kw_only=True)
    documents: int = field(default=0, kw_only=True)
    unchanged_documents: int = field(default=0, kw_only=True)
    replaced: int = field(default=0, kw_only=True)
    with_offsets: int = field(default=0, kw_only=True)
    dimension: int = field(default=0, kw_only=True)
    seconds: float = field(default=0.0, kw_only=True)
    dry_run: bool = field(default=False, kw_only=True)
    measure: Measure | None = field(default=None, kw_only=True)
    probe: Probe | None = field(default=None, kw_only=True)
    left_out: tuple[Skipped, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """The contract of `ragkit import --json`."""
        probe, measure = self.probe, self.measure
        return {
            "source": self.source,
            "read": self.read,
            "written": self.written,
            "unchanged": self.unchanged,
            "skipped": self.skipped,
            "documents": self.documents,
            "unchanged_documents": self.unchanged_documents,
            "replaced": self.replaced,
            "with_offsets": self.with_offsets,
            "dimension": self.dimension,
            "seconds": round(self.seconds, 3),
            "dry_run": self.dry_run,
            "metric": measure and measure.metric,
            "lengths": measure and [measure.shortest, measure.longest],
            "overlap": measure and measure.overlap,
            "probe": probe
            and {
                "texts": probe.n,
                "median": probe.median,
                "worst": probe.worst,
                "far": probe.n_far,
                "kind": probe.kind,
                "of": probe.of,
            },
            "left_out": [{"n": s.n, "id": s.id, "reason": s.reason} for s in self.left_out],
            "notes": list(self.notes),
        }
