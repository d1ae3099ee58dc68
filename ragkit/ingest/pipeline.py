"""Ingestion: load → parse → chunk → embed → commit, in batches, with every document accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing

from ragkit.errors import ConfigError
from ragkit.fields import FieldSpec, problems_of, shown
from ragkit.ingest.ahead import ahead
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.crew import Crew, Here, Hire
from ragkit.ingest.embed import Embedding
from ragkit.ingest.feed import Feed, Item
from ragkit.ingest.load.discover import PathLike
from ragkit.ingest.making import Given, Making
from ragkit.ingest.missing import Missing, known_below, stays
from ragkit.ingest.pace import MAX_CHUNKS
from ragkit.ingest.parse.formats import PARSER_VERSION
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.ingest.prepare import Prepared, Preparer
from ragkit.ingest.progress import Progress, silent
from ragkit.ingest.report import IngestReport
from ragkit.ingest.run import Run
from ragkit.protocols import Chunker, DocumentState, Embedder, PassageReader
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import fingerprint_of
from ragkit.types import Metadata


def _never() -> bool:
    return False


class Ingestor:
    """Brings documents into a collection. What is there already, made the same way, costs nothing.

    Args:
        collection: where they go.
        chunker: how they are cut.
        reader: a reranker whose readings of the passages are kept, where it reads along with the embedder.
        hire: makes the crew that reads, cuts and embeds; this process when left out.

    Example:
        report = Ingestor(collection, RecursiveChunker()).run(["docs/"])
        assert report.seen == report.committed + report.unchanged + report.quarantined + report.rejected
    """

    def __init__(
        self,
        collection: StoreCollection,
        chunker: Chunker | None = None,
        *,
        reader: PassageReader | None = None,
        hire: Hire | None = None,
    ) -> None:
        self._collection = collection
        chunker = RecursiveChunker() if chunker is None else chunker
        self._chunker = measured(chunker, collection.embedder)
        self._embedding = Embedding(collection.embedder, reader)
        self._hire = hire

    @property
    def fingerprint(self) -> str:
        """Identifies the way from a source to its records; under another one everything is made anew."""
        return fingerprint_of(
            PARSER_VERSION,
            self._chunker.fingerprint,
            self._collection.embedder.fingerprint,
            self._collection.analyzer.fingerprint,
        )

    def run(
        self,
        sources: Item | Iterable[Item],
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
        root: PathLike | None = None,
        delete_missing: bool = True,
        stopped: Callable[[], bool] = _never,
    ) -> IngestReport:
        """Ingests files, folders and documents made in code.

        Each batch is one commit: a document is old or new, never absent or half there. A run that was
        stopped is resumed by running it again. A document that fails is quarantined (its last committed
        content stays) and tried again by the next run. What was deleted from a folder since it was ingested
        is removed, see `Missing`.

        Args:
            sources: a path or a `Document`, or any iterable of them, read once and never held as a whole.
            tenant: whose they are, where the collection declares `tenant`.
            acl: the groups that may read them; None leaves each document's own.
            metadata: fields given to every document; they win over what a file says of itself.
            progress: see `Progress`; what it raises ends the run.
            root: the folder that ids of files are relative to, see `Discovery`.
            delete_missing: whether documents whose files are gone are removed.
            stopped: asked between documents; once it says so, the run ends with `StoppedError`.

        Raises:
            ConfigError: a path does not exist, a folder has no files, or `metadata` does not fit the fields.
            TenantError: the tenant is required and missing, or malformed, or the groups are.
            StoreError: the store refuses, for example because another process is writing.
            ModelError: the embedder cannot embed anything at all.
        """
        started = time.perf_counter()
        # What is wrong with all documents is said before any file is read.
        metadata = _checked_metadata(metadata, self._collection.fields)
        self._collection.state("", tenant=tenant)
        if acl is not None:
            self._collection.check_groups(acl)
        owner = tenant or ""
        feed = Feed(
            sources,
            root=root,
            known_below=lambda folder: known_below(self._states(tenant), folder, tenant=owner),
        )
        given = Given(tenant, acl=acl, metadata=metadata)
        told = progress or silent
        told(0, feed.size.documents, "reading")
        with self._crew(given) as crew:
            preparer = Preparer(self._collection, crew, given=given, fingerprint=self.fingerprint)
            with Run(self._collection, preparer, crew, feed=feed, progress=told, stopped=stopped) as run:
                # The crew stops first: a run that is stopped does not wait for the document it is parsing.
                with ahead(preparer.prepare(feed), 2 * MAX_CHUNKS, _weight) as documents, closing(crew):
                    run.take_all(documents)
                notes: list[str] = []
                if feed.discovery is not None:
                    if delete_missing:
                        missing = Missing(
                            self._states(tenant), tenant=owner, discovery=feed.discovery, seen=preparer.seen
                        )
                        run.remove(missing)
                        notes = missing.notes()
                    notes += self._notes_on_empty(feed, tenant)
                run.finish()
        return run.tally.report(time.perf_counter() - started, notes)

    def _crew(self, given: Given) -> AbstractContextManager[Crew]:
        sandbox = Sandbox()
        making = Making(
            self._chunker,
            self._collection.analyzer,
            fields=self._collection.fields,
            given=given,
            fingerprint=self.fingerprint,
            sandbox=sandbox,
        )
        if self._hire is None:
            return Here(making, self._embedding, sandbox)
        return self._hire(making, self._embedding)

    def _states(self, tenant: str | None) -> Iterable[DocumentState]:
        return self._collection.states(tenant)

    def _notes_on_empty(self, feed: Feed, tenant: str | None) -> list[str]:
        assert feed.discovery is not None
        notes = []
        for folder in feed.discovery.walked:
            if folder.n_files == 0:
                n = known_below(self._states(tenant), folder.path, tenant=tenant or "")
                if n:
                    notes.append(stays(folder.path, n))
        return notes


def measured(chunker: Chunker, embedder: Embedder) -> Chunker:
    """The chunker as it cuts for an embedder: ours counts in the embedder's tokens."""
    return chunker.measured_by(embedder) if isinstance(chunker, RecursiveChunker) else chunker


def _checked_metadata(metadata: object, fields: Mapping[str, FieldSpec]) -> Metadata:
    """The fields that every document gets; refuses at once what would put each of them into quarantine."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise ConfigError(
            f"metadata={shown(metadata)}: expected fields with their values, for example {{'lang': 'en'}}"
        )
    problems = problems_of(metadata, {name: fields[name] for name in metadata if name in fields})
    if problems:
        raise ConfigError("; ".join(problems))
    return metadata


def _weight(prepared: Prepared) -> int:
    # What a document without chunks holds is small, but not nothing.
    return 1 + len(prepared.chunks)
