"""What became of every document of one ingestion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

OutcomeState = Literal["committed", "unchanged", "quarantined", "rejected", "deleted"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document; `stage` and `reason` say why it was not committed.

    `quarantined`: it should have worked; the manifest keeps it, and each later run tries it again. A document
    that is known and has become blank is one of them, for its last content stays.
    `rejected`: it is no document that can be ingested at all (empty, binary, of unknown format).
    `deleted`: its file is gone, or is in the index under another id now, so the index forgot it.
    """

    uri: str
    state: OutcomeState = field(kw_only=True)
    stage: str | None = field(default=None, kw_only=True)
    reason: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """Counts of one ingestion; `seen = committed + unchanged + quarantined + rejected` always holds.

    Args:
        deleted: documents that were removed because their files are gone or have another id now; they were
            not seen.
        chunks: chunks that were committed.
        embedded_chunks: texts that were embedded.
        documents: one outcome for each document that was neither committed nor unchanged, in order; the
            deleted ones come last.
        notes: what was done differently than a reader of the call might expect.

    >>> IngestReport(seen=3, committed=2, rejected=1).as_json()["seen"]
    3
    """

    seen: int = 0
    committed: int = field(default=0, kw_only=True)
    unchanged: int = field(default=0, kw_only=True)
    quarantined: int = field(default=0, kw_only=True)
    rejected: int = field(default=0, kw_only=True)
    deleted: int = field(default=0, kw_only=True)
    chunks: int = field(default=0, kw_only=True)
    embedded_chunks: int = field(default=0, kw_only=True)
    seconds: float = field(default=0.0, kw_only=True)
    documents: tuple[Outcome, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """The contract of `ragkit ingest --json`."""
        return {
            "seen": self.seen,
            "committed": self.committed,
            "unchanged": self.unchanged,
            "quarantined": self.quarantined,
            "rejected": self.rejected,
            "deleted": self.deleted,
            "chunks": self.chunks,
            "embedded_chunks": self.embedded_chunks,
            "seconds": round(self.seconds, 3),
            "documents": [
                {"uri": o.uri, "state": o.state, "stage": o.stage, "reason": o.reason} for o in self.documents
            ],
            "notes": list(self.notes),
        }
