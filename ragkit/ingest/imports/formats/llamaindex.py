"""`import/llamaindex-storage`: the folder that `storage_context.persist` of LlamaIndex writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragkit.errors import ConfigError
from ragkit.ingest.imports.formats.faiss_file import flat_vectors, read_header
from ragkit.ingest.imports.formats.llamaindex_node import passage_of, source_of, text_in
from ragkit.ingest.imports.formats.looks import read_json, refused
from ragkit.ingest.imports.formats.rows import stacked
from ragkit.protocols import ForeignIndex, ForeignPassage, Metric

DOCSTORE, INDEX_STORE, DEFAULT = "docstore.json", "index_store.json", "default"
_SUFFIX = "__vector_store.json"
_DOCUMENT = "4"  # the node type of a whole document, as LlamaIndex writes it


class LlamaIndexStorage:
    """Reads a storage folder of LlamaIndex: its docstore, and the vectors of its own store or of FAISS.

    `file_path` of the metadata names the document, else the id of the document that a node was cut from.

    Example:
        LlamaIndexStorage().read(Path("storage")).metric
    """

    def read(self, path: Path, name: str | None = None) -> ForeignIndex:
        """The nodes of a folder, which are passages here.

        Args:
            path: the folder.
            name: the vector store, the part of its file's name before `__vector_store.json`.

        Raises:
            ConfigError: the folder is another one, a file is damaged, or the vectors lie elsewhere.
        """
        if not (path / DOCSTORE).is_file():
            raise refused(
                path, f"a folder as LlamaIndex's storage_context.persist writes it, with {DOCSTORE}"
            )
        nodes = _nodes(path / DOCSTORE)
        file = path / f"{name or DEFAULT}{_SUFFIX}"
        if not file.is_file():
            there = sorted(p.name.removesuffix(_SUFFIX) for p in path.glob(f"*{_SUFFIX}"))
            raise ConfigError(
                f"{path}: has no {file.name}, so its vectors lie elsewhere. Vector stores here: "
                f"{', '.join(there) or 'none'} (name one with --name). For a server's, export passages and "
                "vectors as docs/guide/import.md shows"
            )
        by_id, metric = _vectors(file, path / INDEX_STORE)
        return _joined(nodes, by_id, metric, _others(path, file))


def _nodes(path: Path) -> dict[str, Mapping[str, Any]]:
    data = read_json(path, "the docstore").get("docstore/data")
    if data is None:
        # It is so where an external store keeps the texts, or where nothing was indexed.
        raise ConfigError(
            f"{path}: holds no nodes. Where the vector store keeps the texts, export from there"
        )
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: docstore/data is no JSON object. Save the storage again with LlamaIndex")
    nodes = dict[str, Mapping[str, Any]]()
    for key, value in data.items():
        node = value.get("__data__") if isinstance(value, dict) else None
        if not isinstance(node, dict):
            raise ConfigError(f"{path}: node {key!r} has no __data__. Save the storage again with LlamaIndex")
        nodes[key] = {**node, "__type__": value.get("__type__")}
    return nodes


def _vectors(path: Path, index_store: Path) -> tuple[dict[str, Any], Metric | None]:
    """The vectors by the ids of their nodes."""
    with path.open("rb") as file:
        is_faiss = file.read(2) == b"Ix"
    if not is_faiss:
        found = read_json(path, "the vector store").get("embedding_dict")
        if not isinstance(found, dict):
            raise ConfigError(f"{path}: has no embedding_dict: no vector store of LlamaIndex's own kind")
        return found, "cosine"
    header, vectors = read_header(path), flat_vectors(path)
    rows = _rows(index_store)
    wrong = [row for row in rows if not row.isdecimal() or len(row) > 18 or int(row) >= header.n]
    if wrong or len(rows) != header.n:
        raise ConfigError(
            f"{index_store}: names {len(rows):,} rows of {header.n:,} vectors in {path.name}: they are not "
            "of one time. Save the storage again with LlamaIndex"
        )
    return {node: vectors[int(row)] for row, node in rows.items()}, header.metric


def _rows(path: Path) -> dict[str, str]:
    """The node of each row of a FAISS file."""
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: it says which node each vector of FAISS is of")
    data = read_json(path, "the index store").get("index_store/data")
    rows: dict[str, str] = {}
    for entry in (data if isinstance(data, dict) else {}).values():
        try:
            struct = (
                json.loads(entry["__data__"]) if isinstance(entry["__data__"], str) else entry["__data__"]
            )
            if entry["__type__"] == "vector_store":
                rows.update((str(row), str(node)) for row, node in struct["nodes_dict"].items())
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as e:
            raise ConfigError(f"{path}: an index has no nodes_dict. Save the storage again") from e
    return rows


def _joined(
    nodes: Mapping[str, Mapping[str, Any]], by_id: Mapping[str, Any], metric: Metric | None, notes: list[str]
) -> ForeignIndex:
    originals: dict[tuple[str, str], str] = {}
    passages, rows = list[ForeignPassage](), list[Any]()
    for key, node in nodes.items():
        if key not in by_id and node["__type__"] == _DOCUMENT:
            text = text_in(node)
            if isinstance(text, str):
                originals[source_of(node, key) or key, key] = text
            continue
        passages.append(passage_of(key, node))
        rows.append(by_id.get(key))
    for key, vector in by_id.items():
        if key not in nodes:
            problem = "its vector is there and its node is not: the docstore holds no text of it"
            passages.append(ForeignPassage(key, None, {}, problem=problem))
            rows.append(vector)
    vectors, problems = stacked(rows)
    known = tuple(
        p if n not in problems or p.problem else _with_problem(p, problems[n]) for n, p in enumerate(passages)
    )
    return ForeignIndex(known, vectors=vectors, metric=metric, originals=originals, notes=tuple(notes))


def _with_problem(p: ForeignPassage, problem: str) -> ForeignPassage:
    return ForeignPassage(p.id, p.text, p.metadata, source=p.source, problem=problem)


def _others(path: Path, read: Path) -> list[str]:
    """Says which other vector stores lie there and hold something; an empty one is a hundred bytes."""
    others = [p.name for p in sorted(path.glob(f"*{_SUFFIX}")) if p != read and p.stat().st_size > 100]
    return [f"not read: {', '.join(others)}, other vector stores of the folder (--name)"] if others else []
