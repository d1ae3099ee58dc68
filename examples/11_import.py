"""An index of LlamaIndex becomes a collection, nothing embedded again. Needs the extra `llamaindex`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter

import ragkit
from ragkit.ingest.imports.importer import ImportOptions
from ragkit.models.bundled_embedder import BundledEmbedder

CORPUS = Path(__file__).parent / "corpus"
MODEL = BundledEmbedder()


class Embedding(BaseEmbedding):
    """The model that made the index: the one that the collection will name."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(x) for x in MODEL.embed([text], "passage")[0]]

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


with tempfile.TemporaryDirectory() as folder:
    docs, storage = Path(folder, "docs"), Path(folder, "storage")
    for name in ("en/policies/warranty.md", "ru/policies/warranty.md"):
        (docs / name).parent.mkdir(parents=True)
        shutil.copy(CORPUS / name, docs / name)

    # What is there already: an index that LlamaIndex made and keeps in a folder.
    read = SimpleDirectoryReader(str(docs), recursive=True).load_data()
    cut = SentenceSplitter(chunk_size=256)
    index = VectorStoreIndex.from_documents(read, embed_model=Embedding(), transformations=[cut])
    index.storage_context.persist(str(storage))

    with ragkit.open(Path(folder, "index")) as rag:
        report = rag.import_index("llamaindex-storage", storage, ImportOptions(root=docs))
        print(f"{report.read} passages read = {report.written} written + {report.skipped} skipped")
        assert report.probe is not None
        print(f"vectors of the same model: median cosine {report.probe.median:.3f} of {report.probe.n} texts")

        for question in ("How long is the warranty on a Wick 7?", "Сколько длится ремонт по гарантии?"):
            for citation in rag.ask(question).citations[:1]:
                assert rag.source(citation.document_id)[citation.start : citation.end] == citation.quote
                print(f"{citation.uri}: {citation.quote}")

        # The files take over, one by one, when they are ingested.
        print(
            rag.ingest(docs, progress=False).committed, "documents ingested;", rag.status().documents, "there"
        )
