"""Assembled documents → commits, each of whole documents: an import that died is run again to end it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragkit.errors import ConfigError, CorruptIndexError
from ragkit.fields import shown
from ragkit.ingest.imports.assemble import Assembled
from ragkit.ingest.imports.measure import unit
from ragkit.ingest.imports.metadata import shared
from ragkit.ingest.imports.place import Place
from ragkit.protocols import Analyzer, Change, DocumentState, Embedder, Record, Vectors
from ragkit.store.abilities import PreparingStore
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import chunk_id, content_hash, fingerprint_of
from ragkit.store.migrate import Progress
from ragkit.store.migrate_read import ContentReader
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.types import Chunk, Document

# Marks what was made elsewhere: its vectors may be of more than the texts.
IMPORTED = "import-"
_VERSION = "1"
_BATCH_CHUNKS, _BATCH_DOCUMENTS = 1_000, 500
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Made:
    """A document as it will be written, without what takes long to make: its chunks are made when it is."""

    assembled: Assembled
    document: Document = field(kw_only=True)
    state: DocumentState = field(kw_only=True)

    @property
    def n(self) -> int:
        """How many passages it has."""
        return len(self.assembled.passages)


@dataclass(frozen=True, slots=True, eq=False)
class Making:
    """What all documents of an import have in common."""

    vectors: Vectors
    embedder: Embedder = field(kw_only=True)
    analyzer: Analyzer = field(kw_only=True)
    tenant: str = field(kw_only=True)
    acl: tuple[str, ...] = field(kw_only=True)

    def made(self, assembled: Assembled, place: Place) -> Made:
        """The document that is called so."""
        document = Document(
            place.id,
            assembled.text,
            metadata=shared([dict(one.metadata) for one in assembled.passages]),
            uri=place.uri,
            acl=self.acl,
            pages=assembled.pages,
        )
        state = DocumentState(
            place.id,
            tenant=self.tenant,
            uri=place.uri,
            content_hash=content_hash(document),
            fingerprint=self._fingerprint(assembled),
            state="committed",
            n_chunks=len(assembled.passages),
            origin=place.origin,
        )
        return Made(assembled, document=document, state=state)

    def change(self, made: Made) -> Change:
        """What writes it."""
        document, state = made.document, made.state
        vectors = unit(self.vectors[[one.row for one in made.assembled.passages]])
        starts = np.asarray([page.start for page in document.pages])
        records = []
        for ordinal, (one, span) in enumerate(
            zip(made.assembled.passages, made.assembled.spans, strict=True)
        ):
            fallback, lang = one.metadata.get("lang"), detect_language(one.text)
            first = int(np.searchsorted(starts, span.start, side="right"))
            chunk = Chunk(
                chunk_id(state.tenant, document.id, state.content_hash, state.fingerprint, ordinal),
                document.id,
                span=span,
                text=one.text,
                ordinal=ordinal,
                uri=document.uri,
                page=first or None,
                page_starts=tuple(int(at) for at in starts[first:] if at < span.end),
                lang=fallback if lang == UNDETERMINED and isinstance(fallback, str) else lang,
                metadata=one.metadata,
                tenant=state.tenant,
                acl=document.acl,
            )
            records.append(Record(chunk, vectors[ordinal], tuple(self.analyzer.terms(chunk.search_text))))
        return Change(state, document=document, records=tuple(records))

    def _fingerprint(self, assembled: Assembled) -> str:
        """Of all that the document's content hash does not know: another one means other passages."""
        digest = hashlib.sha256(
            np.ascontiguousarray(self.vectors[[p.row for p in assembled.passages]]).tobytes()
        )
        for one, span in zip(assembled.passages, assembled.spans, strict=True):
            digest.update(json.dumps([span.start, span.end, dict(one.metadata)], sort_keys=True).encode())
        return IMPORTED + fingerprint_of(
            _VERSION, self.embedder.fingerprint, self.analyzer.fingerprint, digest.hexdigest()
        )


@dataclass(frozen=True, slots=True)
class Sorted:
    """The documents by what is to be done: written (some in place of others), nothing, or left alone."""

    new: list[Made] = field(default_factory=list)
    there: list[Made] = field(default_factory=list)
    ingested: list[Made] = field(default_factory=list)
    n_replacing: int = 0


def sort_out(documents: Sequence[Made], collection: StoreCollection, *, tenant: str | None) -> Sorted:
    """What is to be written: not what is there as it is, nor what was ingested anew since."""
    new, there, ingested, n_replacing = list[Made](), list[Made](), list[Made](), 0
    for made in documents:
        known = collection.state(made.document.id, tenant=tenant)
        if known == made.state:
            there.append(made)
        elif known is not None and not known.fingerprint.startswith(IMPORTED):
            ingested.append(made)
        else:
            new.append(made)
            n_replacing += known is not None
    return Sorted(new, there, ingested, n_replacing)


def refuse_others(documents: Sequence[Made], collection: StoreCollection, *, tenant: str | None) -> None:
    """Refuses a collection that holds documents which the index does not.

    Raises:
        ConfigError: it does.
    """
    ours = {made.document.id for made in documents}
    others = [s.document_id for s in collection.states_of(tenant) if s.document_id not in ours]
    if others:
        listed = ", ".join(shown(name) for name in others[:_LISTED])
        raise ConfigError(
            f"the collection holds {len(others):,} documents that are not in the index ({listed}), and "
            "nothing was written. Name an empty one (--index DIR), or add to it with --add"
        )


def write(documents: Sequence[Made], making: Making, collection: StoreCollection, progress: Progress) -> None:
    """Commits documents in batches, then compares all of them with what the store gives back.

    The caller holds the right to write.

    Raises:
        StoreError: the store refuses.
        CorruptIndexError: it does not give back what it was given.
    """
    done = 0
    for batch in _batches(documents):
        collection.commit([making.change(made) for made in batch])
        done += len(batch)
        progress(done, len(documents), "writing")
    if isinstance(collection.store, PreparingStore) and documents:
        collection.store.prepare()
    reader = ContentReader(collection.store, collection.fields)
    for n, made in enumerate(documents, 1):
        _compare(made, making, reader)
        progress(n, len(documents), "comparing")


def _batches(documents: Iterable[Made]) -> Iterable[list[Made]]:
    batch, n = list[Made](), 0
    for made in documents:
        if batch and (n + made.n > _BATCH_CHUNKS or len(batch) == _BATCH_DOCUMENTS):
            yield batch
            batch, n = [], 0
        batch.append(made)
        n += made.n
    if batch:
        yield batch


def _compare(made: Made, making: Making, reader: ContentReader) -> None:
    if reader.manifest.state(made.state.tenant, made.document.id) != made.state:
        raise CorruptIndexError(f"document {shown(made.document.id)}: its state is not what was written")
    if not made.document.acl and reader.scope("", ()).acl is not None:
        return  # without groups nobody can read it, which the report says
    content = reader.content(made.state)
    texts = [one.text for one in made.assembled.passages]
    wanted = unit(making.vectors[[one.row for one in made.assembled.passages]])
    # Stores keep float32; some bring vectors to length 1 once more.
    if [c.text for c in content.chunks] != texts or not np.allclose(content.vectors, wanted, atol=1e-5):
        raise CorruptIndexError(
            f"document {shown(made.document.id)}: the store does not give back the texts or vectors that it "
            "was given. Run ragkit verify"
        )
