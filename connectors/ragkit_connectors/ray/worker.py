"""The worker: an actor that reads, cuts and embeds, made from a recipe. Bytes go in, bytes come out.

It raises nothing on purpose: what is wrong with a document, or with the recipe, comes back as a value.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import ragkit
from ragkit.assembly import Assembly, make
from ragkit.config.load import load_config
from ragkit.errors import DocumentError, RagkitError
from ragkit.ingest.embed import Embedding, unseen
from ragkit.ingest.making import Given, Making
from ragkit.ingest.parse.formats import PARSER_VERSION
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.ingest.pipeline import measured
from ragkit.protocols import PassageReader
from ragkit.store.identity import content_hash
from ragkit.text.analyze import Analyzer
from ragkit_connectors.ray.probe import node_name
from ragkit_connectors.ray.wire import (
    NotPlainError,
    cut_json,
    document_json,
    document_of,
    error_json,
    metadata_of,
    pack,
    pack_passages,
    unpack,
)


class Worker:
    """Does the work on documents for one ingestion.

    Example:
        worker = Worker()
        facts = json.loads(worker.hello(setup))
        worker.read(pack([{"id": "a.md", "uri": "a.md", "extension": ".md", "known": ""}], b"# A"))
    """

    def __init__(self) -> None:
        self._making: Making | None = None
        self._embedding: Embedding | None = None

    def hello(self, setup: bytes) -> bytes:
        """Makes what the recipe says; gives what the process that decides compares with its own."""
        given = json.loads(setup)
        facts: dict[str, Any] = {"node": node_name(), "pid": os.getpid(), "ragkit": ragkit.__version__}
        try:
            facts |= self._set_up(given)
        except RagkitError as e:
            facts |= {"error": f"{type(e).__name__}: {e}"}
        return json.dumps(facts).encode()

    def read(self, task: bytes) -> bytes:
        """Reads and cuts some documents: one answer for each, in their order."""
        rows, blobs = unpack(task)
        return pack([self._read(row, blob) for row, blob in zip(rows, blobs, strict=True)])

    def embed(self, task: bytes) -> bytes:
        """Embeds texts; on an error of the model, what it is called and says."""
        head, _ = unpack(task)
        assert self._embedding is not None
        try:
            return pack_passages(self._embedding.embed(head["texts"], head["languages"], unseen))
        except Exception as e:
            return pack({"error": type(e).__name__, "message": str(e)})

    def _set_up(self, given: dict[str, Any]) -> dict[str, Any]:
        # Each worker has its slot: a model that took all cores would take them from the others.
        recipe = _with_threads(given["recipe"], given["threads"])
        config = load_config(recipe)
        parts = Assembly(config, create=False)
        embedder = parts.embedder(config.collection.embed)
        chunker = measured(make(config.ingest.chunk), embedder)
        analyzer = Analyzer(language=config.collection.bm25.language)
        reader = parts.reranker(given["reader"]) if given["reader"] else None
        self._embedding = Embedding(embedder, reader if isinstance(reader, PassageReader) else None)
        acl = given["acl"]
        self._making = Making(
            chunker,
            analyzer,
            fields=config.collection.fields,
            given=Given(acl=acl, metadata=metadata_of(given["metadata"])),
            fingerprint=given["fingerprint"],
            sandbox=Sandbox(),
        )
        return {
            "parser": PARSER_VERSION,
            "chunker": chunker.fingerprint,
            "embedder": embedder.fingerprint,
            "analyzer": analyzer.fingerprint,
        }

    def _read(self, row: dict[str, Any], blob: bytes) -> dict[str, Any]:
        assert self._making is not None
        making, stated = self._making, row.get("document")
        try:
            if stated is not None:
                document = making.document(document_of(stated))
            else:
                document = making.parsed(blob, row["id"], uri=row["uri"], extension=row["extension"])
            # One that was made in code is at hand where it came from.
            answer: dict[str, Any] = {"document": None if stated is not None else document_json(document)}
        except DocumentError as e:
            return {"error": error_json(e)}
        except NotPlainError:
            return {}
        except MemoryError:
            # Ends as where the system kills it: the document is tried alone, with all memory there is.
            os._exit(1)
        if content_hash(document) != row["known"]:
            answer["cut"] = _cut_or_error(lambda: cut_json(making.cut(document, "")))
        return answer


def _cut_or_error(cut: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return cut()
    except DocumentError as e:
        return {"error": error_json(e)}


def _with_threads(recipe: str, threads: int) -> str:
    """The recipe with so many threads for each model that would take all cores."""
    read = json.loads(recipe)
    for model in read["models"].values():
        if model.get("use", "").split("/")[0] in {"embed", "rerank"} and "threads" in _keys(model["use"]):
            model.setdefault("threads", threads)
    return json.dumps(read)


def _keys(use: str) -> set[str]:
    from ragkit import registry

    config = getattr(registry.blueprint(use), "Config", None)
    return set(getattr(config, "model_fields", ()))
