"""`import/langchain-faiss`: the folder that LangChain's `FAISS.save_local` writes, once its texts are out.

The texts lie in `index.pkl`, and to read a pickle is to run what is in it: ragkit never does. Whoever made
the index exports them in three lines, in the environment that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragkit.errors import ConfigError
from ragkit.ingest.imports.formats.faiss_file import read_header
from ragkit.ingest.imports.formats.jsonl import PASSAGES, VECTORS, array, check_same_length, lines
from ragkit.ingest.imports.formats.looks import refused
from ragkit.ingest.imports.formats.rows import offset_of, text_of
from ragkit.protocols import ForeignIndex, ForeignPassage

EXPORT = """\
import json, numpy
from langchain_community.vectorstores import FAISS
from langchain_core.embeddings import FakeEmbeddings
db = FAISS.load_local({folder!r}, FakeEmbeddings(size=1), allow_dangerous_deserialization=True)
found = [(key, db.docstore.search(key)) for _, key in sorted(db.index_to_docstore_id.items())]
with open({folder!r} + "/passages.jsonl", "w", encoding="utf-8") as f:
    for key, d in found:
        row = {{"id": key, "text": d.page_content, "metadata": d.metadata}}
        print(json.dumps(row, default=str), file=f)
numpy.save({folder!r} + "/vectors.npy", db.index.reconstruct_n(0, db.index.ntotal))"""


class LangChainFaiss:
    """Reads LangChain's FAISS folder with the `passages.jsonl` and `vectors.npy` that its owner exported.

    The metric is that of `index.faiss`. Metadata `source` names the document, `start_index` the place in it
    and `page` (from 0, as LangChain's loaders count) its page.

    Example:
        LangChainFaiss().read(Path("faiss_index")).metric
    """

    def read(self, path: Path, name: str | None = None) -> ForeignIndex:
        """The passages of a folder.

        Raises:
            ConfigError: the folder is another one, was not exported yet, or is damaged.
        """
        has_index = (path / "index.faiss").is_file()
        if not (path / PASSAGES).is_file() or not (path / VECTORS).is_file():
            if not has_index and not (path / "index.pkl").is_file():
                raise refused(path, "a folder as LangChain's FAISS.save_local writes it, with index.faiss")
            raise ConfigError(
                f"{path}: its texts are in index.pkl, a pickle: to read it is to run what is in it, so "
                "ragkit does not. Run this where you made the index, then import again:\n\n"
                f"{EXPORT.format(folder=str(path.absolute()))}\n"
            )
        passages = [_passage(row) for _, row in lines(path / PASSAGES)]
        vectors = array(path / VECTORS)
        check_same_length(path, len(passages), len(vectors))
        if not has_index:
            return ForeignIndex(passages, vectors=vectors)
        header = read_header(path / "index.faiss")
        if (header.n, header.dimension) != vectors.shape:
            raise ConfigError(
                f"{path}: index.faiss has {header.n:,} vectors of {header.dimension} numbers, and {VECTORS} "
                f"{vectors.shape[0]:,} of {vectors.shape[1]}: the export is not of this index. Export it "
                "again"
            )
        return ForeignIndex(passages, vectors=vectors, metric=header.metric)


def _passage(row: Mapping[str, Any]) -> ForeignPassage:
    metadata = row.get("metadata")
    known: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    page = offset_of(known.get("page"))
    return ForeignPassage(
        row.get("id"),
        row.get("text"),
        {} if metadata is None else metadata,
        source=text_of(known.get("source")),
        part="" if page is None else str(page),
        start=offset_of(known.get("start_index")),
        page=None if page is None else page + 1,
    )
