"""`Filling`: how documents come into the index of a `RAG`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ragkit.assembly import make
from ragkit.errors import ConfigError
from ragkit.graph.sync import run_sync
from ragkit.ingest.apart import ingest_apart
from ragkit.ingest.feed import Item
from ragkit.ingest.pipeline import Ingestor
from ragkit.ingest.progress import Progress
from ragkit.ingest.progress import shown as shown_progress
from ragkit.ingest.report import IngestReport
from ragkit.types import Metadata
from ragkit.upkeep import Upkeep, settled

Sources = Item | Iterable[Item] | AsyncIterable[Item]


class Filling(Upkeep):
    """The part of a `RAG` that takes in files, folders and documents made in code."""

    def ingest(
        self,
        sources: Sources | None = None,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        metadata: Metadata | None = None,
        progress: bool | Progress = True,
        delete_missing: bool = True,
    ) -> IngestReport:
        """`aingest` for code that is not async. An async source is read in ragkit's own event loop."""
        with shown_progress(progress) as told:
            ingest = self._ingestion(
                tenant=tenant, acl=acl, metadata=metadata, progress=told, delete_missing=delete_missing
            )
            if isinstance(sources, AsyncIterable):
                return run_sync(ingest_apart(ingest, sources))
            return ingest(self._loaded(sources), lambda: False)

    async def aingest(
        self,
        sources: Sources | None = None,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        metadata: Metadata | None = None,
        progress: bool | Progress = True,
        delete_missing: bool = True,
    ) -> IngestReport:
        """Indexes files, folders and documents made in code. What is there and unchanged costs nothing.

        A document that cannot be ingested is named in the report with stage and reason; the others go in.
        Documents whose files were deleted from a folder since it was ingested are removed from the index.
        The work is done in a thread; cancelled, it ends after the batch at hand, and what is committed stays.

        Args:
            sources: a path or a `Document`, or any iterable or async iterable of them, such as a generator:
                it is read once, as fast as documents are taken, and never held as a whole. None is what the
                loader of `ingest: {load: …}` gives.
            tenant: whose they are, where the collection declares `tenant`.
            acl: the groups that may read them, where the collection declares `acl`.
            metadata: fields given to every document.
            progress: a bar on a terminal, a function of yours (called from the thread that ingests), or
                False.
            delete_missing: whether documents whose files are gone are removed. Documents made in code, and
                those from another folder or of another tenant, always stay.

        Raises:
            ConfigError: a path does not exist, a folder has no files, or nothing is named and no loader is
                configured.
            TenantError: the collection requires a tenant and none is given, or it is malformed.
            StoreError: the index cannot be written.
        """
        with shown_progress(progress) as told:
            ingest = self._ingestion(
                tenant=tenant, acl=acl, metadata=metadata, progress=told, delete_missing=delete_missing
            )
            return await ingest_apart(ingest, self._loaded(sources))

    def _ingestion(
        self, **options: Any
    ) -> Callable[[Item | Iterable[Item], Callable[[], bool]], IngestReport]:
        def ingest(sources: Item | Iterable[Item], stopped: Callable[[], bool]) -> IngestReport:
            # Here, for the model may have to be loaded, which an event loop must not wait for.
            ingestor = Ingestor(
                self._parts.collection, make(self.config.ingest.chunk), reader=self._parts.reader()
            )
            report = ingestor.run(sources, stopped=stopped, **options)
            return replace(report, notes=(*report.notes, *settled(self._parts.collection)))

        return ingest

    def _loaded(self, sources: Sources | None) -> Any:
        """What was named to be ingested, else what the configured loader gives."""
        if sources is not None:
            return sources
        if self.config.ingest.load is None:
            raise ConfigError(
                "nothing is named to be ingested: give paths or documents, or configure a loader, "
                "ingest: {load: {use: load/…}}"
            )
        return make(self.config.ingest.load).load()
