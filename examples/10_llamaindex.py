"""ragkit and LlamaIndex, each in the other, offline. Needs the extra `llamaindex`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.base.response.schema import Response
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.node_parser import SentenceSplitter

import ragkit
from ragkit_connectors.llamaindex import (
    LlamaIndexLoader,
    RagkitCitationCheck,
    RagkitQueryEngine,
    RagkitReranker,
    RagkitRetriever,
    offer,
)

QUESTION = "What happens when a licence expires?"
CORPUS = Path(__file__).parent / "corpus" / "en"

# Any node parser of LlamaIndex cuts; every passage still is the document's own text at its place.
offer("sentences", SentenceSplitter(chunk_size=300, chunk_overlap=30))
CHUNK = {"use": "chunk/llamaindex", "parser": "sentences"}

with tempfile.TemporaryDirectory() as folder, ragkit.open(folder, set={"ingest.chunk": CHUNK}) as rag:
    reader = SimpleDirectoryReader(str(CORPUS), recursive=True, required_exts=[".md"])
    print(rag.ingest(LlamaIndexLoader(reader=reader), progress=False).committed, "documents")

    # A RAG as a query engine: its source nodes are what is cited, at exact places.
    response = RagkitQueryEngine(rag).query(QUESTION)
    for source in response.source_nodes:
        place = source.node
        assert rag.source(place.ref_doc_id)[place.start_char_idx : place.end_char_idx] == source.text
        print(response, "←", Path(place.ref_doc_id).name, place.start_char_idx, place.end_char_idx)
    unknown = RagkitQueryEngine(rag).query("Who won the world cup in 1998?")
    print(unknown.metadata["abstained"], unknown.metadata["reason"])

    # Its passages as a retriever, in an index of LlamaIndex, and ordered by a reranker of ragkit.
    nodes = RagkitRetriever(rag, k=8).retrieve(QUESTION)
    index = VectorStoreIndex([found.node for found in nodes], embed_model=MockEmbedding(embed_dim=8))
    found = index.as_retriever(similarity_top_k=8).retrieve(QUESTION)
    best = RagkitReranker(k=2).postprocess_nodes(found, query_str=QUESTION)
    print([(Path(node.node.ref_doc_id).name, round(node.score, 2)) for node in best])

    # The citations of whatever model wrote the text.
    written = "A licence that expires leaves 21 more days [1]. After that it costs 99 euros [1]."
    checked = RagkitCitationCheck(rag=rag).check(Response(written, best), QUESTION)
    print(checked, "| not shown:", [sentence["text"] for sentence in checked.metadata["dropped"]])
