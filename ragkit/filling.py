"""`Filling`: how documents come into the index of a `RAG`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from ragkit.assembly import make
from ragkit.config.recipe import making_recipe
from ragkit.errors import ConfigError
from ragkit.graph.sync import run_sync
from ragkit.ingest.apart import ingest_apart
from ragkit.ingest.crew import Hire
from ragkit.ingest.elsewhere import Elsewhere, place
from ragkit.ingest.feed import Item
from ragkit.ingest.imports.importer import ImportOptions, Target, import_index
from ragkit.ingest.imports.report import ImportReport
from ragkit.ingest.pipeline import Ingestor
from ragkit.ingest.progress import Progress
from ragkit.ingest.progress import shown as shown_progress
from ragkit.ingest.report import IngestReport
from ragkit.protocols import PassageReader
from ragkit.store import migrate
from ragkit.text.analyze import Analyzer
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
        on: str | Elsewhere | None = None,
    ) -> IngestReport:
        """`aingest` for code that is not async. An async source is read in ragkit's own event loop."""
        with shown_progress(progress) as told:
            ingest = self._ingestion(
                place(on),
                tenant=tenant,
                acl=acl,
                metadata=metadata,
                progress=told,
                delete_missing=delete_missing,
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
        on: str | Elsewhere | None = None,
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
            on: where documents are read, cut and embedded: `ray://HOST:PORT`, `ray`, or an `OnRay` of
                `ragkit_connectors.ray`; None or `local` is this process. What is written is the same.

        Raises:
            ClusterError: the cluster cannot be reached or went away, or a node of it runs something else.
            ConfigError: a path does not exist, a folder has no files, or nothing is named and no loader is
                configured.
            TenantError: the collection requires a tenant and none is given, or it is malformed.
            StoreError: the index cannot be written.
        """
        with shown_progress(progress) as told:
            ingest = self._ingestion(
                place(on),
                tenant=tenant,
                acl=acl,
                metadata=metadata,
                progress=told,
                delete_missing=delete_missing,
            )
            return await ingest_apart(ingest, self._loaded(sources))

    def import_index(
        self,
        library: str,
        path: str | PathLike[str],
        options: ImportOptions | None = None,
        *,
        progress: migrate.Progress | None = None,
    ) -> ImportReport:
        """Takes over an index of another library: texts, vectors and metadata, without embedding again.

        Everything is checked before the collection is opened. Each commit holds whole documents, so that an
        import that died is ended by running it again, and what is there as it is costs nothing.

        Args:
            library: `chroma`, `haystack`, `jsonl`, `langchain-faiss`, `llamaindex-storage`, or what a third
                party registered as `import/…`.
            path: its folder or file.
            options: see `ImportOptions`.
            progress: is told how many documents are written, then compared.

        Raises:
            ConfigError: no such index, vectors of another dimension, or a collection that holds other
                documents.
            ImportRefusedError: passages cannot be taken, another model made the vectors, or cosine ranks them
                otherwise.
            MissingExtraError: a package that reads it is not installed.
            TenantError: the collection requires a tenant and none is given, or it is malformed.
            StoreError: the index cannot be written.
        """
        options = options or ImportOptions()
        spec = self.config.collection
        there = self._parts.collection_if_there()
        target = Target(
            self._parts.embedder(spec.embed),
            analyzer=Analyzer(language=spec.bm25.language) if there is None else there.analyzer,
            fields=spec.fields if there is None else there.fields,
            opened=lambda: there if options.dry_run else self._parts.collection,
        )
        report = import_index(library, path, target, options, progress or _silent)
        if options.dry_run:
            return report
        return replace(report, notes=(*report.notes, *settled(self._parts.collection)))

    def _ingestion(
        self, elsewhere: Elsewhere | None, **options: Any
    ) -> Callable[[Item | Iterable[Item], Callable[[], bool]], IngestReport]:
        def ingest(sources: Item | Iterable[Item], stopped: Callable[[], bool]) -> IngestReport:
            # Here, for the model may have to be loaded, which an event loop must not wait for.
            reader = self._parts.reader()
            ingestor = Ingestor(
                self._parts.collection,
                make(self.config.ingest.chunk),
                reader=reader,
                hire=None if elsewhere is None else self._hire(elsewhere, reader),
            )
            report = ingestor.run(sources, stopped=stopped, **options)
            return replace(report, notes=(*report.notes, *settled(self._parts.collection)))

        return ingest

    def _hire(self, elsewhere: Elsewhere, reader: PassageReader | None) -> Hire:
        collection, embedder = self._parts.collection, self.config.collection.embed
        reads = reader is not None and reader.reads_with(collection.embedder)
        name = self._parts.reader_ref if reads else None
        if name is not None and not isinstance(name, str):
            raise ConfigError(
                f"on: the reranker {type(name).__name__} is an object of this process, which workers do not "
                "have. Declare it under models: of a rag.yaml, or ingest in this process"
            )
        models = [embedder, name] if name is not None else [embedder]
        return elsewhere.hire(making_recipe(self.config, models, collection.fields), name)

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


def _silent(done: int, total: int, what: str) -> None:
    """Progress that nobody looks at."""
