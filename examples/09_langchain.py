"""ragkit and LangChain, each in the other, offline. Needs the extra `langchain`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage

import ragkit
from ragkit_connectors.langchain import (
    LangChainLoader,
    RagkitCitationCheck,
    RagkitReranker,
    RagkitRetriever,
    RagkitRunnable,
)

QUESTION = "What happens when a licence expires?"


class Handbook(BaseLoader):
    """Any loader of LangChain will do in its place."""

    def lazy_load(self) -> Iterator[Document]:
        for path in sorted((Path(__file__).parent / "corpus" / "en").rglob("*.md")):
            yield Document(path.read_text(encoding="utf-8"), metadata={"source": path.name})


with tempfile.TemporaryDirectory() as folder, ragkit.open(folder) as rag:
    print(rag.ingest(LangChainLoader(loader=Handbook()), progress=False).committed, "documents")

    # A RAG as a runnable: text and citations as they are checked, and pieces that add up to the answer.
    chain = RagkitRunnable(rag=rag)
    for piece in chain.stream([HumanMessage(QUESTION)]):
        for citation in piece.get("citations", ()):
            print(piece["answer"], "←", citation["uri"], citation["start"], citation["end"])
    print((chain | itemgetter("abstained")).invoke("Who won the world cup in 1998?"))

    # Its passages as a retriever, ordered by another reranker.
    documents = RagkitRetriever(rag=rag, k=8).invoke(QUESTION)
    best = RagkitReranker(k=2).compress_documents(documents, QUESTION)
    print([(d.metadata["document_id"], round(d.metadata["rerank_score"], 2)) for d in best])

    # The citations of whatever model wrote the text.
    written = "A licence that expires leaves 21 more days [1]. After that it costs 99 euros [1]."
    checked = RagkitCitationCheck(rag=rag).invoke({"answer": written, "context": documents})
    print(checked["answer"])
    print("not shown:", [sentence["text"] for sentence in checked["dropped"]])
