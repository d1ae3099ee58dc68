"""From a source to the chunks that are still to be embedded, or to the word that there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ragkit.errors import DocumentError
from ragkit.fields import shown
from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.ingest.feed import Source, work_of
from ragkit.ingest.fit import fitted
from ragkit.ingest.load.source import MAX_BYTES, SourceFile
from ragkit.ingest.parse.formats import parse
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.ingest.report import Outcome
from ragkit.ingest.seen import Seen
from ragkit.ingest.twins import twins_of
from ragkit.protocols import Chunker, DocumentState
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import content_hash
from ragkit.store.typed import type_problems
from ragkit.types import Chunk, Document, Metadata, Unread

# Where a document came from that no file was found for.
MADE_IN_CODE = "documents made in code"
_STILL_SERVED = (
    ". What was ingested of it before stays and is answered from; to remove it, delete the file or run: "
    "ragkit forget"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One document seen. With `document` it is to be embedded and committed; else `outcome` says the end.

    `state` is what the manifest is to hold of it; None leaves the manifest as it is. `terms` are the
    analysed terms of each chunk, `n` is the document's number in the run, from 1, and `work` its share of
    the work. `elsewhere` is the root that an unchanged document came from before, where that is another one.
    `twins` are what its file was known as before, under other ids.
    """

    uri: str
    outcome: Outcome | None = field(default=None, kw_only=True)
    state: DocumentState | None = field(default=None, kw_only=True)
    document: Document | None = field(default=None, kw_only=True)
    chunks: tuple[Chunk, ...] = field(default=(), kw_only=True)
    terms: tuple[tuple[str, ...], ...] = field(default=(), kw_only=True)
    replaces: str | None = field(default=None, kw_only=True)
    elsewhere: str | None = field(default=None, kw_only=True)
    twins: tuple[DocumentState, ...] = field(default=(), kw_only=True)
    n: int = field(default=0, kw_only=True)
    work: int = field(default=0, kw_only=True)

    @property
    def writes(self) -> bool:
        """Whether the manifest is to change for it."""
        return self.state is not None

    @property
    def is_quarantined(self) -> bool:
        """Whether it failed where it should have worked."""
        return self.outcome is not None and self.outcome.state == "quarantined"


@dataclass(frozen=True, slots=True)
class Given:
    """What a call of `run` says of all its documents."""

    tenant: str | None = None
    acl: Sequence[str] | None = None
    metadata: Metadata = field(default_factory=dict)


class Preparer:
    """Loads, parses, checks and chunks documents, each on its own: what one raises ends that one alone."""

    def __init__(
        self,
        collection: StoreCollection,
        chunker: Chunker,
        *,
        given: Given,
        fingerprint: str,
        sandbox: Sandbox | None = None,
    ) -> None:
        self._collection = collection
        self._chunker = chunker
        self._given = given
        self._fingerprint = fingerprint
        self._sandbox = sandbox
        self.seen = Seen()
        # Ids that were found to be twins: the batch that is to remove them may not be written yet.
        self._superseded = Seen()

    def prepare(self, sources: Iterable[Source], *, max_bytes: int = MAX_BYTES) -> Iterator[Prepared]:
        """One `Prepared` for each source, in order; `seen` has the ids of those that were given."""
        for n, source in enumerate(sources, 1):
            problems = type_problems(source) if isinstance(source, Document) else []
            prepared = _untyped(source, problems) if problems else self._prepared(source, n, max_bytes)
            yield replace(prepared, n=n, work=work_of(source))

    def failed(
        self,
        document_id: str,
        *,
        uri: str,
        error: DocumentError,
        origin: str | None = None,
        is_first: bool = True,
    ) -> Prepared:
        """The end of a document that cannot be ingested; the manifest learns of it if it is news.

        What never was a document is rejected. One that is known and has become blank is quarantined: its
        last content is still answered from, which is not to go unsaid. `is_first` is whether the id was not
        used before in the run.
        """
        outcome = Outcome(uri, state="rejected", stage=error.stage, reason=error.reason)
        if not _is_usable(document_id) or (error.rejected and not (error.blank and is_first)):
            return Prepared(uri, outcome=outcome)
        known = self._known(document_id)
        if error.rejected and known is None:
            return Prepared(uri, outcome=outcome)
        reason = error.reason
        if error.blank and known is not None and known.n_chunks:
            reason += _STILL_SERVED
        state = DocumentState(
            document_id,
            tenant=self._given.tenant or "",
            uri=uri if _is_usable(uri) else None,
            content_hash="",
            fingerprint=self._fingerprint,
            state="quarantined",
            stage=error.stage,
            reason=reason,
            # Its content stays, and with it the place that this came from.
            origin=known.origin if known is not None and known.n_chunks else origin,
        )
        is_known = known is not None and replace(known, n_chunks=0) == state
        outcome = replace(outcome, state="quarantined", reason=reason)
        return Prepared(uri, outcome=outcome, state=None if is_known else state)

    def _prepared(self, source: Source, n: int, max_bytes: int) -> Prepared:
        uri, origin = source.uri or source.id, _origin(source)
        self.seen.add(source.id)
        is_first = self.seen.earlier(source.id) is None
        try:
            return self._decided(self._document(source, max_bytes), uri=uri, origin=origin, n=n)
        except DocumentError as e:
            prepared = self.failed(source.id, uri=uri, error=e, origin=origin, is_first=is_first)
            # The manifest holds one word on a document, and the first of the run has it.
            if is_first and prepared.is_quarantined and self.seen.earlier(source.id) is None:
                self.seen.decide(source.id, "", n)
            return prepared if is_first else replace(prepared, state=None)

    def _document(self, source: Source, max_bytes: int) -> Document:
        if isinstance(source, Unread):
            raise DocumentError(source.reason, stage="load")
        if isinstance(source, SourceFile):
            document = parse(source, max_bytes=max_bytes, sandbox=self._sandbox)
            document = replace(document, metadata=fitted(document.metadata, self._collection.fields))
        else:
            document = source
            if not document.text.strip():
                reason = "its text is empty. Nothing to index"
                raise DocumentError(reason, stage="parse", rejected=True, blank=True)
        given = self._given
        metadata = {**document.metadata, **given.metadata}
        acl = document.acl if given.acl is None else tuple(given.acl)
        return replace(document, metadata=metadata, acl=acl)

    def _decided(self, document: Document, *, uri: str, origin: str | None, n: int) -> Prepared:
        tenant = self._collection.admit(document, tenant=self._given.tenant)
        digest = content_hash(document)
        content = f"{digest} {uri}"
        earlier = self.seen.earlier(document.id)
        if earlier is not None and earlier.mark != self.seen.mark(content):
            reason = (
                f"its id {document.id!r} was used in the same run by document {earlier.n}. "
                "Give each its own id"
            )
            raise DocumentError(reason, stage="load", rejected=True)
        if earlier is None:
            self.seen.decide(document.id, content, n)
        known = self._known(document.id)
        is_same = known is not None and (known.content_hash, known.fingerprint) == (digest, self._fingerprint)
        if earlier is not None or (known is not None and is_same and known.state == "committed"):
            outcome = Outcome(uri, state="unchanged")
            return Prepared(uri, outcome=outcome, elsewhere=_elsewhere(known, origin))
        chunks = self._chunks(document, tenant)
        state = DocumentState(
            document.id,
            tenant=tenant,
            uri=document.uri,
            content_hash=digest,
            fingerprint=self._fingerprint,
            state="committed",
            n_chunks=len(chunks),
            origin=origin,
        )
        terms = tuple(tuple(self._collection.analyzer.terms(chunk.search_text)) for chunk in chunks)
        return Prepared(
            uri,
            state=state,
            document=document,
            chunks=chunks,
            terms=terms,
            replaces=_other_source(known, uri),
            twins=self._twins(document.id, origin, known),
        )

    def _known(self, document_id: str) -> DocumentState | None:
        if document_id in self._superseded:
            return None
        return self._collection.state(document_id, tenant=self._given.tenant)

    def _twins(
        self, document_id: str, origin: str | None, known: DocumentState | None
    ) -> tuple[DocumentState, ...]:
        is_followed = known is not None and known.origin == origin and known.state == "committed"
        if origin is None or is_followed:
            return ()
        # An id that was seen in this run is another file's now.
        twins = [t for t in twins_of(document_id, origin, self._known) if t.document_id not in self.seen]
        for twin in twins:
            self._superseded.add(twin.document_id)
        return tuple(twins)

    def _chunks(self, document: Document, tenant: str) -> tuple[Chunk, ...]:
        try:
            spans = self._chunker.split(document)
            chunks = make_chunks(document, spans, tenant, self._fingerprint)
        except DocumentError:
            raise
        except Exception as e:
            reason = f"the chunker failed ({type(e).__name__}: {e})"
            raise DocumentError(reason, stage="chunk") from e
        if not chunks:
            reason = "it gives no chunks: no visible text"
            raise DocumentError(reason, stage="chunk", rejected=True, blank=True)
        return tuple(chunks)


def _untyped(document: Source, problems: list[str]) -> Prepared:
    names = [name for name in (document.uri, document.id) if isinstance(name, str) and name]
    name = names[0] if names else shown(document.id)
    reason = f"a Document with {'; '.join(problems)}"
    return Prepared(name, outcome=Outcome(name, state="rejected", stage="load", reason=reason))


def _is_usable(text: str) -> bool:
    return 0 < len(text) <= 4096 and text.isprintable() and "\x00" not in text


def _origin(source: Source) -> str | None:
    return source.origin if isinstance(source, SourceFile) else None


def _elsewhere(known: DocumentState | None, origin: str | None) -> str | None:
    """The root that a document came from before, where its file is now found below another."""
    if known is None or origin is None or known.origin == origin:
        return None
    return known.origin or MADE_IN_CODE


def _other_source(known: DocumentState | None, uri: str) -> str | None:
    """Where a document of this id came from before, if that was elsewhere."""
    return known.uri if known is not None and known.uri != uri else None
