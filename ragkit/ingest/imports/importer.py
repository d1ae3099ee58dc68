"""From an index of another library to a collection: read, check, measure, probe, assemble, write, compare."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit import registry
from ragkit.errors import ConfigError, DocumentError, did_you_mean
from ragkit.fields import FieldSpec
from ragkit.ingest.imports.assemble import OffsetError, assembled, grouped
from ragkit.ingest.imports.check import Skipped, Taken, checked, refuse_skipped
from ragkit.ingest.imports.formats.llamaindex_node import unwrapped
from ragkit.ingest.imports.formats.looks import looks_like
from ragkit.ingest.imports.measure import Measure, measured, refuse_another_order
from ragkit.ingest.imports.place import Place, Places
from ragkit.ingest.imports.probe import Probe, check_dimension, probed
from ragkit.ingest.imports.report import ImportReport
from ragkit.ingest.imports.write import Made, Making, Sorted, refuse_others, sort_out, write
from ragkit.protocols import Analyzer, Embedder, ForeignIndex, ForeignIndexReader
from ragkit.store.access import Access
from ragkit.store.admission import check_document
from ragkit.store.collection import StoreCollection
from ragkit.store.migrate import Progress
from ragkit.types import Metadata

ROLE = "import"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How an index is taken over.

    Args:
        name: which collection of it.
        group_by: the metadata that names the document of a passage; None for what the library writes there,
            empty for none, so that each passage is a document.
        root: the folder that is ingested later, see `Places`.
        tenant: whose the documents are, where the collection declares `tenant`.
        acl: the groups that may read them, where it declares `acl`.
        metadata: fields given to every passage; they win over its own.
        skip_bad: whether passages that cannot be taken are left out.
        ignore_offsets: whether offsets of the source are left out of account.
        accept_cosine: whether vectors are taken that cosine ranks otherwise than their index did.
        probe: whether a few texts are embedded to see that the embedder made the vectors.
        add: whether the collection may hold other documents.
        dry_run: whether to stop before anything is written.
    """

    name: str | None = None
    group_by: str | None = field(default=None, kw_only=True)
    root: str | os.PathLike[str] | None = field(default=None, kw_only=True)
    tenant: str | None = field(default=None, kw_only=True)
    acl: Sequence[str] = field(default=(), kw_only=True)
    metadata: Metadata = field(default_factory=dict, kw_only=True)
    skip_bad: bool = field(default=False, kw_only=True)
    ignore_offsets: bool = field(default=False, kw_only=True)
    accept_cosine: bool = field(default=False, kw_only=True)
    probe: bool = field(default=True, kw_only=True)
    add: bool = field(default=False, kw_only=True)
    dry_run: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an index goes; `opened` opens the collection or makes it, and gives None in a dry run of none."""

    embedder: Embedder
    analyzer: Analyzer = field(kw_only=True)
    fields: Mapping[str, FieldSpec] = field(kw_only=True)
    opened: Callable[[], StoreCollection | None] = field(kw_only=True)


def read_index(library: str, path: Path, name: str | None) -> ForeignIndex:
    """What lies at a path, as the reader that is registered for a library gives it.

    Raises:
        ConfigError: no such library, or another index lies there.
        MissingExtraError: a package that reads it is not installed.
    """
    known = [one.partition("/")[2] for one in registry.names(ROLE)]
    if library not in known:
        raise ConfigError(
            f"import {library!r}: unknown. What can be imported: {', '.join(known)}."
            f"{did_you_mean(library, known)}{looks_like(path)}"
        )
    reader = registry.load(f"{ROLE}/{library}")()
    if not isinstance(reader, ForeignIndexReader):
        raise ConfigError(f"{ROLE}/{library}: {type(reader).__name__} has no method read(path, name)")
    found = reader.read(path, name)
    return replace(found, passages=[unwrapped(one) for one in found.passages])


def import_index(
    library: str,
    path: str | os.PathLike[str],
    target: Target,
    options: ImportOptions,
    progress: Progress,
) -> ImportReport:
    """Takes over an index. Everything is checked before the collection is opened, let alone written to.

    Raises:
        ConfigError: no such library or index, another dimension, or a collection with other documents.
        ImportRefusedError: passages cannot be taken, another model made the vectors, or they rank otherwise.
        TenantError: a tenant is required and missing, or malformed.
        StoreError: the store refuses, or does not give back what was written.
    """
    started = time.perf_counter()
    access = Access(target.fields)
    tenant, acl = access.tenant(options.tenant) or "", access.acl(options.acl or None) or ()
    places = Places(options.root)
    progress(0, 1, "reading")
    index = read_index(library, Path(path), options.name)
    n_read = len(index.passages)
    check_dimension(index.vectors, target.embedder)
    taken, skipped = checked(index, target.fields, options.metadata)
    making = Making(
        index.vectors, embedder=target.embedder, analyzer=target.analyzer, tenant=tenant, acl=tuple(acl)
    )
    documents, unfit = _documents(_by_source(taken, options), index, options, making, places)
    documents = [d for d in documents if not _problem(d, target, access, unfit)]
    skipped = sorted((*skipped, *unfit), key=lambda one: one.n)
    if not options.skip_bad:
        refuse_skipped(skipped, n_read)
    measure, probe = _looked_at(documents, index, target, options)
    notes = [*index.notes, *places.notes(), *_notes(index, options, measure, probe, documents, target)]
    collection = target.opened()
    if collection is None:
        sorted_out = Sorted(documents)
        notes.append("the collection is not there yet, or cannot be opened: it would be made")
    else:
        with nullcontext() if options.dry_run else collection.writing():
            if not options.add:
                refuse_others(documents, collection, tenant=options.tenant)
            sorted_out = sort_out(documents, collection, tenant=options.tenant)
            if not options.dry_run:
                write(sorted_out.new, making, collection, progress)
    for made in sorted_out.ingested:
        skipped += [
            Skipped(one.row + 1, id=one.id, reason=f"its document {made.document.id} was ingested since")
            for one in made.assembled.passages
        ]
    return ImportReport(
        library,
        read=n_read,
        written=sum(made.n for made in sorted_out.new),
        unchanged=sum(made.n for made in sorted_out.there),
        skipped=len(skipped),
        documents=len(sorted_out.new),
        unchanged_documents=len(sorted_out.there),
        replaced=sorted_out.n_replacing,
        with_offsets=sum(made.assembled.has_offsets for made in sorted_out.new),
        dimension=index.vectors.shape[1],
        seconds=time.perf_counter() - started,
        dry_run=options.dry_run,
        measure=measure,
        probe=probe,
        left_out=tuple(skipped),
        notes=tuple(notes),
    )


def _by_source(taken: Sequence[Taken], options: ImportOptions) -> list[list[Taken]]:
    key = options.group_by
    if key is None:
        return grouped(taken, lambda one: one.source)
    if key == "":
        return [[replace(one, start=None)] for one in taken]
    known = {name for one in taken for name in one.metadata}
    if taken and key not in known:
        raise ConfigError(
            f"--group-by {key}: no passage has such metadata. There are: {', '.join(sorted(known))}."
            f"{did_you_mean(key, known)}"
        )
    named = [
        one if one.metadata.get(key) is None else replace(one, source=str(one.metadata[key])) for one in taken
    ]
    return grouped(named, lambda one: one.source if one.metadata.get(key) is not None else None)


def _documents(
    groups: Sequence[Sequence[Taken]],
    index: ForeignIndex,
    options: ImportOptions,
    making: Making,
    places: Places,
) -> tuple[list[Made], list[Skipped]]:
    """The documents, and the passages of those that cannot be put together."""
    documents, skipped = list[Made](), list[Skipped]()
    taken_ids: dict[str, str] = {}
    originals: dict[str, dict[str, str]] = {}
    for (named, part), text in index.originals.items():
        originals.setdefault(named, {})[part] = text
    for group in groups:
        source: str | None = group[0].source
        own = originals.get(source, {}) if source is not None else {}
        is_alone = source is None or options.group_by == ""
        place = Place(group[0].id, uri=source) if source is None or is_alone else places.of(source)
        if place.id in taken_ids:
            reason = (
                f"its document would be called {place.id}, as that of {taken_ids[place.id]} is. Name both "
                "apart, with another --root or --group-by"
            )
            skipped += [Skipped(one.row + 1, id=one.id, reason=reason) for one in group]
            continue
        try:
            whole = assembled(group, own, ignore_offsets=options.ignore_offsets)
            documents.append(making.made(whole, place))
            taken_ids[place.id] = source or place.id
        except OffsetError as e:
            reason = f"{e}. Put passages one after the other with --ignore-offsets"
            skipped += [Skipped(one.row + 1, id=one.id, reason=reason) for one in group]
    return documents, skipped


def _problem(made: Made, target: Target, access: Access, unfit: list[Skipped]) -> bool:
    """Whether the collection cannot take a document; its passages are then left out."""
    try:
        check_document(made.document, target.fields, access)
    except DocumentError as e:
        reason = f"its document {made.document.id} cannot be taken: {e.reason}"
        unfit += [Skipped(one.row + 1, id=one.id, reason=reason) for one in made.assembled.passages]
        return True
    return False


def _looked_at(
    documents: Sequence[Made], index: ForeignIndex, target: Target, options: ImportOptions
) -> tuple[Measure, Probe | None]:
    passages = sorted((p for made in documents for p in made.assembled.passages), key=lambda one: one.row)
    measure = measured(index.vectors, [one.row for one in passages], index.metric)
    if not options.accept_cosine:
        refuse_another_order(measure)
    probe = probed(passages, index.vectors, target.embedder) if options.probe and passages else None
    return measure, probe


def _notes(
    index: ForeignIndex,
    options: ImportOptions,
    measure: Measure,
    probe: Probe | None,
    documents: Sequence[Made],
    target: Target,
) -> list[str]:
    notes = [] if index.passages else ["the index holds no passages. Is it the one that you mean?"]
    if not measure.is_same:
        notes.append(
            f"ragkit ranks by cosine, the index by {measure.metric or 'a metric that it does not name'}: "
            f"{measure.overlap:.0%} of the ten nearest are the same"
        )
    if probe is None and documents:
        notes.append(f"it was not checked that {target.embedder.name} made the vectors")
    if probe is not None and probe.note:
        notes.append(probe.note)
    if "acl" in target.fields and not options.acl:
        notes.append(
            "no groups were given and the collection declares acl: nobody can read it. Say --acl GROUP"
        )
    without = sum(not made.assembled.has_offsets and made.n > 1 for made in documents)
    if without:
        notes.append(
            f"{without:,} documents were put together from passages without offsets, or from several parts: "
            "the places that citations name count in that text, not in the file"
        )
    return notes
