"""From a source to the chunks that are still to be embedded, or to the word that there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ragkit.errors import DocumentError
from ragkit.fields import shown
from ragkit.ingest.crew import Crew, Read
from ragkit.ingest.feed import Source, work_of
from ragkit.ingest.load.source import SourceFile
from ragkit.ingest.making import Given
from ragkit.ingest.report import Outcome
from ragkit.ingest.seen import Seen
from ragkit.ingest.twins import twins_of
from ragkit.protocols import DocumentState
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import content_hash
from ragkit.store.typed import type_problems
from ragkit.types import Chunk, Document

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


class Preparer:
    """Decides on documents, each on its own and in order: what one raises ends that one alone.

    Args:
        collection: where they go.
        crew: who reads and cuts them.
        given: what the call says of all.
        fingerprint: of the whole way from a source to its records.
    """

    def __init__(self, collection: StoreCollection, crew: Crew, *, given: Given, fingerprint: str) -> None:
        self._collection = collection
        self._crew = crew
        self._given = given
        self._fingerprint = fingerprint
        self.seen = Seen()
        # Ids that were found to be twins: the batch that is to remove them may not be written yet.
        self._superseded = Seen()

    def prepare(self, sources: Iterable[Source]) -> Iterator[Prepared]:
        """One `Prepared` for each source, in order; `seen` has the ids of those that were given."""
        for n, read in enumerate(self._crew.read(sources, self._known_hash), 1):
            source = read.source
            problems = type_problems(source) if isinstance(source, Document) else []
            prepared = _untyped(source, problems) if problems else self._prepared(read, n)
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

    def _prepared(self, read: Read, n: int) -> Prepared:
        source = read.source
        uri, origin = source.uri or source.id, _origin(source)
        self.seen.add(source.id)
        is_first = self.seen.earlier(source.id) is None
        try:
            return self._decided(read, uri=uri, origin=origin, n=n)
        except DocumentError as e:
            prepared = self.failed(source.id, uri=uri, error=e, origin=origin, is_first=is_first)
            # The manifest holds one word on a document, and the first of the run has it.
            if is_first and prepared.is_quarantined and self.seen.earlier(source.id) is None:
                self.seen.decide(source.id, "", n)
            return prepared if is_first else replace(prepared, state=None)

    def _decided(self, read: Read, *, uri: str, origin: str | None, n: int) -> Prepared:
        document = read.document()
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
        cut = read.cut(document, tenant)
        state = DocumentState(
            document.id,
            tenant=tenant,
            uri=document.uri,
            content_hash=digest,
            fingerprint=self._fingerprint,
            state="committed",
            n_chunks=len(cut.chunks),
            origin=origin,
        )
        return Prepared(
            uri,
            state=state,
            document=document,
            chunks=cut.chunks,
            terms=cut.terms,
            replaces=_other_source(known, uri),
            twins=self._twins(document.id, origin, known),
        )

    def _known_hash(self, document_id: str) -> str:
        """A hint for whoever reads ahead; what is decided is looked up again."""
        if not _is_usable(document_id):
            return ""
        known = self._known(document_id)
        is_made_alike = known is not None and (known.fingerprint, known.state) == (
            self._fingerprint,
            "committed",
        )
        return known.content_hash if known is not None and is_made_alike else ""

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
