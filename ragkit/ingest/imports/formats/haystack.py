"""`import/haystack`: the JSON file that `InMemoryDocumentStore.save_to_disk` of Haystack writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragkit.errors import ConfigError
from ragkit.ingest.imports.formats.looks import read_json, refused
from ragkit.ingest.imports.formats.rows import offset_of, stacked, text_of
from ragkit.protocols import ForeignIndex, ForeignPassage, Metric

_METRICS: dict[str, Metric] = {"cosine": "cosine", "dot_product": "inner product"}
_EXPECTED = "a file as InMemoryDocumentStore.save_to_disk of Haystack writes it"


class HaystackStore:
    """Reads a document store of Haystack from its file.

    `meta.file_path` names the document, else `source_id`, which splitters write; `split_idx_start` is the
    place in it.

    Example:
        HaystackStore().read(Path("store.json")).metric
    """

    def read(self, path: Path, name: str | None = None) -> ForeignIndex:
        """The documents of a file, which are passages here.

        Raises:
            ConfigError: the file is another one, or is cut off.
        """
        if not path.is_file():
            raise refused(path, _EXPECTED)
        data = read_json(path, "the document store")
        documents, settings = data.get("documents"), data.get("init_parameters")
        if not isinstance(documents, list) or not isinstance(settings, Mapping):
            raise refused(path, f"{_EXPECTED}, with documents and init_parameters")
        if any(not isinstance(d, Mapping) for d in documents):
            raise ConfigError(f"{path}: a document is no JSON object. Save the store again with Haystack")
        vectors, problems = stacked([d.get("embedding") for d in documents])
        passages = [_passage(d, problems.get(n)) for n, d in enumerate(documents)]
        metric = _METRICS.get(str(settings.get("embedding_similarity_function")))
        return ForeignIndex(passages, vectors=vectors, metric=metric)


def _passage(document: Mapping[str, Any], problem: str | None) -> ForeignPassage:
    meta = document.get("meta")
    known: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
    own = text_of(known.get("source_id"))
    text = document.get("content")
    if text is None and document.get("blob") is not None:
        problem = "it is a blob without text. Only texts are indexed"
    return ForeignPassage(
        document.get("id"),
        text,
        {} if meta is None else meta,
        source=text_of(known.get("file_path")) or own,
        part=own or "",
        start=offset_of(known.get("split_idx_start")),
        problem=problem,
    )
