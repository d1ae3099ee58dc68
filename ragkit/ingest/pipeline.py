"""Ingestion: load → parse → chunk → embed → commit, in batches, with every document accounted for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence

from ragkit.errors import DocumentError, TenantError
from ragkit.fields import ACL
from ragkit.ingest.ahead import ahead
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.embed import embed_documents
from ragkit.ingest.load.discover import PathLike, discover
from ragkit.ingest.parse.formats import PARSER_VERSION
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.ingest.prepare import Given, Prepared, Preparer, Source
from ragkit.ingest.progress import Progress, silent
from ragkit.ingest.report import IngestReport, Outcome
from ragkit.protocols import Change, Chunker, Record, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import fingerprint_of
from ragkit.types import Document, Metadata

_MAX_DOCUMENTS = 64
_MAX_CHUNKS = 2_000
# Batches that are ready while one is embedded.
_DEPTH = 2


class Ingestor:
    """Brings documents into a collection. What is there already, made the same way, costs nothing.

    Example:
        report = Ingestor(collection, RecursiveChunker()).run(["docs/"])
        assert report.seen == report.committed + report.unchanged + report.quarantined + report.rejected
    """

    def __init__(self, collection: StoreCollection, chunker: Chunker | None = None) -> None:
        chunker = RecursiveChunker() if chunker is None else chunker
        if isinstance(chunker, RecursiveChunker):
            chunker = chunker.measured_by(collection.embedder)
        self._collection = collection
        self._chunker = chunker

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
        sources: PathLike | Document | Iterable[PathLike | Document],
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
        root: PathLike | None = None,
    ) -> IngestReport:
        """Ingests files, folders and documents made in code.

        Each batch is one commit: a document is old or new, never absent or half there. A run that was
        stopped is resumed by running it again. A document that fails is quarantined (its last committed
        content stays) and tried again by the next run.

        Args:
            sources: a path or a `Document`, or several.
            tenant: whose they are, where the collection declares `tenant`.
            acl: the groups that may read them; None leaves each document's own.
            metadata: fields given to every document; they win over what a file says of itself.
            progress: see `Progress`; what it raises ends the run.
            root: the folder that ids of files are relative to, see `discover`.

        Raises:
            ConfigError: a path does not exist, or nothing was found.
            TenantError: the tenant is required and missing, or malformed.
            StoreError: the store refuses, for example because another process is writing.
            ModelError: the embedder cannot embed anything at all.
        """
        started = time.perf_counter()
        if isinstance(acl, str):
            raise TenantError(f"acl={acl!r}: expected a list of groups, for example acl=[{acl!r}]")
        self._collection.state("", tenant=tenant)  # a wrong tenant is refused before any file is read
        items = _listed(sources, root)
        given = Given(tenant, acl=acl, metadata=metadata or {})
        sandbox = Sandbox()
        preparer = Preparer(
            self._collection, self._chunker, given=given, fingerprint=self.fingerprint, sandbox=sandbox
        )
        run = _Run(self._collection, preparer, total=len(items), progress=progress or silent)
        (progress or silent)(0, len(items), "reading")
        # The sandbox is left first: a run that is stopped does not wait for the document it is parsing.
        with (
            self._collection.writing(),
            ahead(_batches(preparer.prepare(items)), _DEPTH) as batches,
            sandbox,
        ):
            for batch in batches:
                run.take(batch)
        return run.report(time.perf_counter() - started)


class _Run:
    """One run: what is done with each batch, and the counts."""

    def __init__(
        self, collection: StoreCollection, preparer: Preparer, *, total: int, progress: Progress
    ) -> None:
        self._collection = collection
        self._preparer = preparer
        self._total = total
        self._progress = progress
        self._outcomes: list[Outcome] = []
        self._n_chunks = 0
        self._n_embedded = 0
        self._replaced: list[tuple[str, str]] = []
        self._unreadable = 0

    def take(self, batch: Sequence[Prepared]) -> None:
        """Embeds a batch and writes it as one commit; a batch in which nothing is new writes nothing."""
        embedded = self._embed([p for p in batch if p.document is not None])
        outcomes: list[Outcome] = []
        changes: list[Change] = []
        for prepared in batch:
            if prepared.document is not None:
                vectors = next(embedded)
                if not isinstance(vectors, DocumentError):
                    outcomes.append(Outcome(prepared.uri, state="committed"))
                    changes.append(_change(prepared, vectors))
                    if prepared.replaces is not None:
                        self._replaced.append((prepared.uri, prepared.replaces))
                    continue
                prepared = self._preparer.failed(prepared.document.id, prepared.uri, vectors)
            if prepared.outcome is not None:
                outcomes.append(prepared.outcome)
            if prepared.state is not None:
                changes.append(Change(prepared.state))
        if changes:
            self._collection.commit(changes)
        self._outcomes.extend(outcomes)
        self._n_chunks += sum(len(change.records) for change in changes)
        if ACL in self._collection.fields:
            self._unreadable += sum(1 for c in changes if c.document is not None and not c.document.acl)
        self._progress(len(self._outcomes), self._total, batch[-1].uri)

    def _embed(self, fresh: Sequence[Prepared]) -> Iterator[Vectors | DocumentError]:
        if not fresh:
            return iter(())
        done, n_texts = len(self._outcomes), sum(len(prepared.chunks) for prepared in fresh)
        embedded = embed_documents(
            [[chunk.search_text for chunk in prepared.chunks] for prepared in fresh],
            self._collection.embedder,
            # By the share of the batch that is embedded; only its commit makes the last document done.
            lambda n: self._progress(
                done + (len(fresh) - 1) * n // n_texts, self._total, f"{n} of {n_texts} passages embedded"
            ),
        )
        self._n_embedded += embedded.n_texts
        return iter(embedded.vectors)

    def report(self, seconds: float) -> IngestReport:
        """The report on all batches."""
        notes = []
        if self._replaced:
            uri, before = self._replaced[0]
            notes.append(
                f"{len(self._replaced)} documents replaced ones of the same id that came from elsewhere "
                f"(first: {uri} replaced {before}). To keep both, ingest both folders in one call"
            )
        if self._unreadable:
            notes.append(
                f"{self._unreadable} documents have no acl, and this collection declares one: nobody can "
                "read them. Ingest them again with acl=[...] (--acl GROUP)"
            )
        return IngestReport.of(
            self._outcomes,
            chunks=self._n_chunks,
            embedded_chunks=self._n_embedded,
            seconds=seconds,
            notes=notes,
        )


def _change(prepared: Prepared, vectors: Vectors) -> Change:
    assert prepared.state is not None
    records = tuple(
        Record(chunk, vector, terms)
        for chunk, vector, terms in zip(prepared.chunks, vectors, prepared.terms, strict=True)
    )
    return Change(prepared.state, document=prepared.document, records=records)


def _listed(
    sources: PathLike | Document | Iterable[PathLike | Document], root: PathLike | None
) -> list[Source]:
    named = [sources] if isinstance(sources, str | os.PathLike | Document) else list(sources)
    paths = [item for item in named if not isinstance(item, Document)]
    documents = [item for item in named if isinstance(item, Document)]
    if documents and not paths:
        return [*documents]
    return [*discover(paths, root=root), *documents]


def _batches(prepared: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    batch: list[Prepared] = []
    n_chunks = 0
    for one in prepared:
        if batch and (len(batch) >= _MAX_DOCUMENTS or n_chunks + len(one.chunks) > _MAX_CHUNKS):
            yield batch
            batch, n_chunks = [], 0
        batch.append(one)
        n_chunks += len(one.chunks)
    if batch:
        yield batch
