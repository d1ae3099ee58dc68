"""The index of a dataset: made once for all pipelines that cut, embed and analyse alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragkit.app import RAG
from ragkit.assembly import Assembly, make
from ragkit.config.spec import ComponentSpec, Config
from ragkit.errors import EvalError
from ragkit.evaluation.corpus import LineCorpus
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.runner.journal import write_whole
from ragkit.evaluation.runner.lock import locked
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.places import Whole, read_places, write_places
from ragkit.evaluation.runner.stage_key import files_of
from ragkit.fields import FieldSpec
from ragkit.ingest.fit import fitted
from ragkit.ingest.parse.formats import PARSER_VERSION
from ragkit.ingest.progress import Progress, silent
from ragkit.ingest.report import IngestReport
from ragkit.store.local.store import LocalStore
from ragkit.text.analyze import Analyzer
from ragkit.types import Document

_MADE = "made.json"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of the documents of a dataset.

    Args:
        key: identifies the content of the index; 32 hex digits.
        config: the pipeline's, with that index as its store.
        documents: how many are in it.
        problems: those that could not be ingested: id and reason. Their questions are asked all the same.
        places: where its chunks lie, by id.
        reused: whether it was there before.

    >>> Indexed("0" * 32, config=None, documents=2, problems={"d3": "empty"}).problems
    {'d3': 'empty'}
    """

    key: str
    config: Config = field(kw_only=True, repr=False)
    documents: int = field(kw_only=True)
    problems: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    places: Mapping[str, Whole] = field(default_factory=dict, kw_only=True, repr=False)
    reused: bool = field(default=False, kw_only=True)


def indexed(pipeline: Pipeline, dataset: Dataset, cache: Path, *, progress: Progress = silent) -> Indexed:
    """The index that a pipeline asks, made by ordinary ingestion where it is not there yet.

    Two processes that need the same index wait for each other; what a kill left unfinished is gone on with,
    and so is what could not be embedded, such as when an endpoint was down for a moment.

    Raises:
        EvalError: the pipeline's store is not the embedded one, or no document could be ingested.
        ConfigError, ModelError: as ingestion raises them.
    """
    facts = _facts(pipeline, dataset)
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
    folder = cache / "index" / key
    config = _in_folder(pipeline.config, folder / "store")

    def waiting() -> None:
        progress(0, None, f"{pipeline.name}: another process is indexing")

    with locked(cache / "index" / f"{key}.lock", wait=True, waiting=waiting):
        made = _read(folder / _MADE)
        reused = made is not None
        if made is None:
            made = _ingested(pipeline, dataset, config, progress)
            _note_places(pipeline, config, folder)
            if not made["unembedded"]:
                write_whole(folder / _MADE, json.dumps({**made, "of": facts}, indent=1) + "\n")
    return Indexed(
        _lacking(key, made["unembedded"]),
        config=config,
        documents=made["documents"],
        problems=made["problems"],
        places=read_places(folder),
        reused=reused,
    )


def _lacking(key: str, documents: Sequence[str]) -> str:
    """The key of an index that lacks documents which it may have the next time: it is no other's."""
    if not documents:
        return key
    return hashlib.sha256(json.dumps([key, *documents]).encode()).hexdigest()[:32]


def _facts(pipeline: Pipeline, dataset: Dataset) -> dict[str, Any]:
    """What the content of the index depends on, and nothing else."""
    config = pipeline.config
    store = config.stores[config.collection.store]
    if store.use != "store/local":
        raise EvalError(
            f"pipeline {pipeline.name!r}: its store is {store.use}, and a dataset is indexed into the "
            "embedded store only. Set collection.store to a store/local, or ingest the dataset yourself and "
            "set corpus: own"
        )
    settings = {key: value for key, value in store.describe().items() if key != "path"}
    parts = Assembly(config, create=False)
    embedder = parts.embedder(config.collection.embed)
    chunker = make(config.ingest.chunk)
    return {
        "documents": dataset.corpus_source.digest().hex(),
        "embedder": [embedder.fingerprint, *files_of(config.models[config.collection.embed].settings)],
        "chunker": [chunker.fingerprint, config.ingest.chunk.describe()],
        "analyzer": Analyzer(language=config.collection.bm25.language).fingerprint,
        "parser": PARSER_VERSION,
        "fields": {name: str(spec.declaration) for name, spec in config.collection.fields.items()},
        "store": settings,
        "tenant": pipeline.tenant,
        "acl": list(pipeline.acl or ()),
        "format": LocalStore.format_version,
    }


def _in_folder(config: Config, folder: Path) -> Config:
    name = config.collection.store
    spec = config.stores[name]
    settings = LocalStore.Config(**{**spec.settings.as_keywords(), "path": folder.absolute()})
    store = ComponentSpec(spec.use, settings=settings, line=spec.line)
    return replace(config, stores={**config.stores, name: store})


def _ingested(pipeline: Pipeline, dataset: Dataset, config: Config, progress: Progress) -> dict[str, Any]:
    source = dataset.corpus_source
    # Counting what must be parsed first would take as long as ingesting it.
    n = sum(1 for _ in source.rows()) if isinstance(source, LineCorpus) else None

    def told(done: int, total: int | None, what: str) -> None:  # noqa: ARG001  (the pipeline says more)
        progress(done, n if total is None else total, f"{pipeline.name}: indexing")

    documents = _documents(dataset, config.collection.fields)
    with RAG(config) as rag:
        report = rag.ingest(documents, tenant=pipeline.tenant, acl=pipeline.acl, progress=told)
    n_documents = report.committed + report.unchanged
    problems = _problems(report)
    if not n_documents:
        reason = next(iter(problems.values()), "it has none")
        raise EvalError(f"dataset {dataset.name!r}: no document could be ingested: {reason}")
    unembedded = sorted(outcome.uri for outcome in report.documents if outcome.stage == "embed")
    return {"documents": n_documents, "problems": problems, "unembedded": unembedded}


def _documents(dataset: Dataset, fields: Mapping[str, FieldSpec]) -> Iterator[Document]:
    """The documents with what their rows say of the declared fields: else a filter finds none of them."""
    if not fields:
        yield from dataset.documents()
        return
    for document, row in zip(dataset.documents(), dataset.corpus_source.rows(), strict=True):
        stated = {name: value for name, value in row.metadata.items() if name in fields}
        yield replace(document, metadata=fitted({**document.metadata, **stated}, fields))


def _note_places(pipeline: Pipeline, config: Config, folder: Path) -> None:
    parts = Assembly(config, create=False)
    try:
        plan = parts.collection.plan("any", tenant=pipeline.tenant, acl=pipeline.acl)
        write_places(folder, parts.collection, plan)
    finally:
        parts.close()


def _problems(report: IngestReport) -> dict[str, str]:
    return {
        outcome.uri: ": ".join(part for part in (outcome.stage, outcome.reason) if part) or outcome.state
        for outcome in report.documents
        if outcome.state in ("quarantined", "rejected")
    }


def _read(path: Path) -> dict[str, Any] | None:
    try:
        made = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as e:
        raise EvalError(f"{path}: cannot be read: {e}. Remove the folder {path.parent}") from e
    return {"unembedded": [], **made}
