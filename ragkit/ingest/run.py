"""One run: documents gather to a batch, a batch is embedded together and written as one commit."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from ragkit.errors import DocumentError
from ragkit.failpoints import reach
from ragkit.fields import ACL
from ragkit.ingest.crew import Crew, Embeds
from ragkit.ingest.earlier import Known, earlier_vectors, together
from ragkit.ingest.embed import Passages
from ragkit.ingest.feed import Feed
from ragkit.ingest.pace import Pace
from ragkit.ingest.prepare import Prepared, Preparer
from ragkit.ingest.progress import MeasuresWork, Progress, Work
from ragkit.ingest.report import Outcome
from ragkit.ingest.tally import Tally
from ragkit.protocols import Change, DocumentState, Record
from ragkit.store.collection import StoreCollection

MAX_DOCUMENTS = 1_024
# A batch that fills more slowly than the model would embed it is not waited for.
MAX_AGE_S = 10.0
_TELL_EVERY_S = 0.1


class StoppedError(Exception):
    """The run was told to stop: what is committed stays, the rest is left to the next run."""


@dataclass(slots=True)
class _Batch:
    """Documents that will be one commit."""

    max_chunks: int
    documents: list[Prepared] = field(default_factory=list)
    superseded: set[str] = field(default_factory=set)
    n_chunks: int = 0
    work: int = 0
    begun: float = 0.0

    def add(self, prepared: Prepared) -> None:
        if not self.documents:
            self.begun = time.monotonic()
        self.documents.append(prepared)
        self.superseded.update(twin.document_id for twin in prepared.twins)
        self.n_chunks += len(prepared.chunks)
        self.work += prepared.work

    def has_room_for(self, prepared: Prepared) -> bool:
        if not self.documents:
            return True
        # An id that is free once this batch is written belongs to another file from then on.
        if prepared.state is not None and prepared.state.document_id in self.superseded:
            return False
        fits = self.n_chunks + len(prepared.chunks) <= self.max_chunks and len(self.documents) < MAX_DOCUMENTS
        return fits and time.monotonic() - self.begun < MAX_AGE_S


@dataclass(frozen=True, slots=True)
class _Begun:
    """A batch that is being embedded: of each new document its texts, the known ones, and the others."""

    batch: _Batch
    texts: Sequence[Sequence[str]]
    known: Sequence[Mapping[str, Known]]
    missing: Sequence[Sequence[str]]
    embeds: Embeds | None
    at: float


class Run:
    """What is done with each document of a run. Nothing is written, nor a lock taken, before there is need.

    Args:
        collection: where they go.
        preparer: what made them.
        crew: who embeds them.
        feed: where they come from, for its size.
        progress: see `Progress`.
        stopped: asked between batches; once it says so, the run ends with `StoppedError`.

    Example:
        with Run(collection, preparer, crew, feed=feed, progress=silent, stopped=lambda: False) as run:
            run.take_all(preparer.prepare(feed))
    """

    def __init__(
        self,
        collection: StoreCollection,
        preparer: Preparer,
        crew: Crew,
        *,
        feed: Feed,
        progress: Progress,
        stopped: Callable[[], bool],
    ) -> None:
        self.tally = Tally()
        self._collection = collection
        self._preparer = preparer
        self._crew = crew
        self._feed = feed
        self._progress = progress
        self._stopped = stopped
        self._pace = Pace()
        self._batch = _Batch(self._pace.limit)
        self._begun: deque[_Begun] = deque()
        self._ended = 0.0
        self._work_done = 0
        self._n_passages = 0
        self._told = 0.0
        self._lock = ExitStack()
        self._is_locked = False

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc: object) -> None:
        self._lock.close()

    def take_all(self, documents: Iterable[Prepared]) -> None:
        """Brings all documents to their end."""
        for prepared in documents:
            if self._stopped():
                raise StoppedError
            if not self._batch.has_room_for(prepared):
                self._begin()
            if prepared.writes:
                self._batch.add(prepared)
                self._tell(f"read {prepared.uri}")
            elif prepared.outcome is not None:
                self.tally.add(prepared.outcome, prepared)
                self._work_done += prepared.work
                self._tell(prepared.uri)
        self._begin()
        while self._begun:
            self._write(self._begun.popleft())

    def remove(self, states: Iterable[DocumentState]) -> None:
        """Removes documents whose files are gone."""
        gone: list[DocumentState] = []
        for state in states:
            gone.append(state)
            if len(gone) == MAX_DOCUMENTS:
                self._remove(gone)
                gone = []
        if gone:
            self._remove(gone)

    def finish(self) -> None:
        """Says that all is done."""
        self._tell("done", is_last=True)

    def _begin(self) -> None:
        """Has the batch embedded, and writes those that the crew is not to be ahead by."""
        batch = self._batch
        if not batch.documents:
            return
        self._take_lock()
        reach("ingest.batch")
        fresh = [prepared for prepared in batch.documents if prepared.document is not None]
        texts = [[chunk.search_text for chunk in prepared.chunks] for prepared in fresh]
        known = [earlier_vectors(prepared, self._collection) for prepared in fresh]
        missing = [[t for t in own if t not in had] for own, had in zip(texts, known, strict=True)]
        languages = {chunk.search_text: chunk.lang for prepared in fresh for chunk in prepared.chunks}
        embeds = self._crew.embed(missing, languages) if fresh else None
        self._begun.append(_Begun(batch, texts, known, missing, embeds, time.monotonic()))
        while len(self._begun) > self._crew.ahead:
            self._write(self._begun.popleft())
        self._batch = _Batch(self._pace.limit)

    def _write(self, begun: _Begun) -> None:
        """Writes a batch as one commit, once it is embedded."""
        batch = begun.batch
        embedded = self._embedded(begun)
        reach("ingest.embedded")
        ends: list[tuple[Outcome, Prepared]] = []
        changes: list[Change] = []
        for prepared in batch.documents:
            end, change = self._end_of(prepared, embedded)
            if end.outcome is not None:
                ends.append((end.outcome, end))
            if change is not None:
                changes.append(change)
        superseded = [pair for _, end in ends for pair in self._superseded_by(end)]
        changes.extend(_removal(twin) for twin, _ in superseded)
        if changes:
            self._collection.commit(changes)
            reach("ingest.committed")
        for outcome, prepared in ends:
            self.tally.add(outcome, prepared)
        self.tally.add_superseded(superseded)
        self.tally.add_written(changes, needs_acl=ACL in self._collection.fields)
        self._work_done += batch.work
        self._tell(batch.documents[-1].uri, is_due=True)

    def _end_of(
        self, prepared: Prepared, embedded: Iterator[Passages | DocumentError]
    ) -> tuple[Prepared, Change | None]:
        """The document with its outcome, and what is to be written of it."""
        if prepared.document is not None:
            made = next(embedded)
            if not isinstance(made, DocumentError):
                return replace(prepared, outcome=Outcome(prepared.uri, state="committed")), _change(
                    prepared, made
                )
            failed = self._preparer.failed(
                prepared.document.id,
                uri=prepared.uri,
                error=made,
                origin=prepared.state.origin if prepared.state else None,
            )
            prepared = replace(failed, n=prepared.n, work=prepared.work)
        return prepared, None if prepared.state is None else Change(prepared.state)

    def _superseded_by(self, end: Prepared) -> list[tuple[DocumentState, str]]:
        """The twins that its commit removes, each with the id that takes its place."""
        if end.document is None:
            return []
        return [(twin, end.document.id) for twin in end.twins if self._is_still(twin)]

    def _embedded(self, begun: _Begun) -> Iterator[Passages | DocumentError]:
        if begun.embeds is None:
            return iter(())
        before, n_texts = self._n_passages, sum(map(len, begun.missing))

        def step(n: int, share: float) -> None:
            self._n_passages = before + n
            what = f"{n:,} of {n_texts:,} passages embedded"
            self._tell(what, is_due=True, at_hand=share * begun.batch.work)

        step(0, 0.0)
        embedded = begun.embeds.result(step)
        # What is embedded while another batch is written takes the time from one end to the next.
        now = time.monotonic()
        self._pace.note(embedded.n_texts, seconds=now - max(begun.at, self._ended))
        self._ended = now
        self.tally.add_embedded(embedded.n_texts)
        self._n_passages = before + embedded.n_texts
        return iter(together(begun.texts, begun.known, begun.missing, embedded.passages))

    def _remove(self, states: list[DocumentState]) -> None:
        if self._stopped():
            raise StoppedError
        self._take_lock()
        still = [state for state in states if self._is_still(state)]
        reach("ingest.missing")
        self._collection.commit([_removal(state) for state in still])
        self.tally.add_deleted(
            [
                Outcome(s.uri or s.document_id, state="deleted", stage="load", reason="its file is gone")
                for s in still
            ]
        )
        self._tell(f"removed {states[-1].document_id}", is_due=True)

    def _is_still(self, state: DocumentState) -> bool:
        # Another process may have written since it was read, while there was no lock.
        return self._collection.state(state.document_id, tenant=state.tenant or None) == state

    def _take_lock(self) -> None:
        if not self._is_locked:
            self._lock.enter_context(self._collection.writing())
            self._is_locked = True

    def _tell(self, what: str, *, is_due: bool = False, is_last: bool = False, at_hand: float = 0.0) -> None:
        now = time.monotonic()
        if not (is_due or is_last) and now - self._told < _TELL_EVERY_S:
            return
        self._told = now
        done, size = self.tally.done, self._feed.size
        # Files may have come or gone since they were counted.
        total = None if size.documents is None and not is_last else max(done, size.documents or 0)
        if isinstance(self._progress, MeasuresWork):
            work = None if size.work is None else float(max(size.work, self._work_done))
            self._progress.measure(
                Work(
                    self._work_done + at_hand,
                    total=work,
                    n_passages=self._n_passages,
                    n_committed=self.tally.n_committed,
                )
            )
        self._progress(done, done if is_last else total, what)


def _removal(state: DocumentState) -> Change:
    # A change without document and with this state is a removal.
    return Change(replace(state, state="committed"))


def _change(prepared: Prepared, made: Passages) -> Change:
    assert prepared.state is not None
    records = tuple(
        Record(chunk, vector, terms, reading)
        for chunk, vector, terms, reading in zip(
            prepared.chunks, made.vectors, prepared.terms, made.readings, strict=True
        )
    )
    return Change(prepared.state, document=prepared.document, records=records)
