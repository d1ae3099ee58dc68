"""Counts what becomes of the documents of a run, in memory that does not grow with those that went well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ragkit.ingest.parse.front_matter import KEPT_AS_TEXT
from ragkit.ingest.prepare import MADE_IN_CODE, Prepared
from ragkit.ingest.report import IngestReport, Outcome
from ragkit.protocols import Change, DocumentState


class Tally:
    """The counts of one run.

    Example:
        tally = Tally()
        tally.add(prepared.outcome, prepared)
        print(tally.report(seconds=1.5).seen)
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._named: list[tuple[int, Outcome]] = []
        self._deleted: list[Outcome] = []
        self._first_replaced = ("", "")
        self._first_superseded = ("", "")
        self._first_kept_as_text = ""
        self._elsewhere: Counter[str] = Counter()

    @property
    def done(self) -> int:
        """How many documents have an outcome."""
        return sum(self._counts[state] for state in ("committed", "unchanged", "quarantined", "rejected"))

    @property
    def n_committed(self) -> int:
        """How many documents are committed."""
        return self._counts["committed"]

    def add(self, outcome: Outcome, prepared: Prepared) -> None:
        """Counts a document that was seen."""
        self._counts[outcome.state] += 1
        if outcome.state in {"quarantined", "rejected"}:
            self._named.append((prepared.n, outcome))
        if prepared.elsewhere is not None:
            self._elsewhere[prepared.elsewhere] += 1
        if outcome.state == "committed" and _is_head_kept_as_text(prepared):
            self._counts["kept as text"] += 1
            self._first_kept_as_text = self._first_kept_as_text or prepared.uri
        if outcome.state == "committed" and prepared.replaces is not None:
            self._counts["replaced"] += 1
            if self._counts["replaced"] == 1:
                self._first_replaced = (prepared.uri, prepared.replaces)

    def add_deleted(self, outcomes: Sequence[Outcome]) -> None:
        """Counts documents that were removed."""
        self._counts["deleted"] += len(outcomes)
        self._deleted.extend(outcomes)

    def add_superseded(self, twins: Sequence[tuple[DocumentState, str]]) -> None:
        """Counts documents that were removed for another id of their file, which stands beside each."""
        if twins and not self._counts["superseded"]:
            self._first_superseded = (twins[0][0].document_id, twins[0][1])
        self._counts["superseded"] += len(twins)
        self.add_deleted(
            [
                Outcome(
                    twin.uri or twin.document_id,
                    state="deleted",
                    stage="load",
                    reason=f"its file is now the document {new_id}, no longer {twin.document_id}",
                )
                for twin, new_id in twins
            ]
        )

    def add_written(self, changes: Sequence[Change], *, needs_acl: bool) -> None:
        """Counts what a commit wrote; `needs_acl` where a document without groups is seen by nobody."""
        self._counts["chunks"] += sum(len(change.records) for change in changes)
        if needs_acl:
            self._counts["unreadable"] += sum(c.document is not None and not c.document.acl for c in changes)

    def add_embedded(self, n_texts: int) -> None:
        """Counts texts that were embedded."""
        self._counts["embedded_chunks"] += n_texts

    def report(self, seconds: float, notes: Sequence[str] = ()) -> IngestReport:
        """The report on all that was counted."""
        counts = self._counts
        return IngestReport(
            self.done,
            committed=counts["committed"],
            unchanged=counts["unchanged"],
            quarantined=counts["quarantined"],
            rejected=counts["rejected"],
            deleted=counts["deleted"],
            chunks=counts["chunks"],
            embedded_chunks=counts["embedded_chunks"],
            seconds=seconds,
            documents=(*(o for _, o in sorted(self._named, key=lambda pair: pair[0])), *self._deleted),
            notes=(*self._notes(), *notes),
        )

    def _notes(self) -> list[str]:
        notes = []
        if self._counts["replaced"]:
            uri, before = self._first_replaced
            notes.append(
                f"{self._counts['replaced']} documents replaced ones of the same id that came from elsewhere "
                f"(first: {uri} replaced {before}). To keep both, ingest both folders in one call"
            )
        if self._counts["superseded"]:
            old_id, new_id = self._first_superseded
            notes.append(
                f"{self._counts['superseded']:,} documents have other ids now, since their files were "
                f"ingested together with others than before (first: {old_id} is now {new_id}). "
                "Name the same folders each time to keep ids"
            )
        if self._counts["kept as text"]:
            notes.append(
                f"front matter of {self._counts['kept as text']:,} files is not valid YAML or TOML and was "
                f"kept as text (first: {self._first_kept_as_text}). Mend it and ingest again; what is wrong "
                "is in the notes of the document's metadata"
            )
        if self._counts["unreadable"]:
            notes.append(
                f"{self._counts['unreadable']} documents have no acl, and this collection declares one: "
                "nobody can read them. Ingest them again with acl=[...] (--acl GROUP)"
            )
        notes.extend(
            f"{n} documents are unchanged and known from {origin}: until they change, deleting their files "
            f"here does not remove them{'' if origin == MADE_IN_CODE else ', and deleting them there does'}"
            for origin, n in sorted(self._elsewhere.items())
        )
        return notes


def _is_head_kept_as_text(prepared: Prepared) -> bool:
    notes = () if prepared.document is None else prepared.document.metadata.get("notes", ())
    return isinstance(notes, tuple) and any(str(note).startswith(KEPT_AS_TEXT) for note in notes)
