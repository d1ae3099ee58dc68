"""ragkit's stages on documents of LangChain: reranking, compression, and the check of any model's text."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core", reason="needs the extra langchain")

from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

import ragkit
from ragkit.errors import QueryError, TenantError
from ragkit_connectors.langchain import (
    RagkitCitationCheck,
    RagkitCompressor,
    RagkitReranker,
    RagkitRetriever,
)
from tests.connectors.adapters import QUESTION, TEXT, Lengths, RefusesRerankers


@pytest.fixture(scope="module")
def documents(handbook: ragkit.RAG) -> list[Document]:
    return RagkitRetriever(rag=handbook, k=6).invoke(QUESTION)


def test_documents_are_ordered_by_a_reranker() -> None:
    given = [Document("aa", id="1"), Document("b", id="2"), Document("cc", id="3"), Document("dddd", id="4")]
    best = RagkitReranker(model=Lengths(), k=3).compress_documents(given, "?")
    assert [(d.id, d.metadata["rerank_score"]) for d in best] == [("4", 4.0), ("1", 2.0), ("3", 2.0)]
    assert "rerank_score" not in given[0].metadata
    assert RagkitReranker().compress_documents([], "?") == []


def test_the_bundled_reranker_finds_the_passage(documents: list[Document]) -> None:
    best = RagkitReranker(k=1).compress_documents(list(reversed(documents)), QUESTION)
    assert "licence expires" in best[0].page_content


class TestReranker(RefusesRerankers):
    def rerank(self, model: Any) -> Any:
        return RagkitReranker(model=model).compress_documents([Document("x")], "?")


def test_compression_keeps_words_and_places(handbook: ragkit.RAG, documents: list[Document]) -> None:
    short = RagkitCompressor(rag=handbook, budget_tokens=80).compress_documents(documents, QUESTION)
    assert 0 < sum(len(d.page_content) for d in short) < sum(len(d.page_content) for d in documents) / 2
    for document in short:
        source = handbook.source(document.metadata["document_id"])
        kept = [source[start:end].strip() for start, end in document.metadata["keep"]]
        assert " … ".join(kept) == document.page_content
    assert RagkitCompressor(rag=handbook).compress_documents([], QUESTION) == []
    # What was compressed can be compressed again, and cited.
    again = RagkitCompressor(rag=handbook, budget_tokens=40).compress_documents(short, QUESTION)
    assert len("".join(d.page_content for d in again)) <= len("".join(d.page_content for d in short))
    checked = RagkitCitationCheck(rag=handbook).invoke(
        {"answer": TEXT, "context": short, "question": QUESTION}
    )
    for c in checked["citations"]:
        assert handbook.source(c["document_id"])[c["start"] : c["end"]] == c["quote"]


def test_inside_a_compression_retriever(handbook: ragkit.RAG) -> None:
    classic = pytest.importorskip("langchain_classic.retrievers.contextual_compression")
    retriever = classic.ContextualCompressionRetriever(
        base_compressor=RagkitReranker(k=2), base_retriever=RagkitRetriever(rag=handbook, k=6)
    )
    found = retriever.invoke(QUESTION)
    assert len(found) == 2
    assert asyncio.run(retriever.ainvoke(QUESTION)) == found


def test_of_any_text_what_its_documents_bear_out_is_left(
    handbook: ragkit.RAG, documents: list[Document]
) -> None:
    check = RagkitCitationCheck(rag=handbook)
    asked = {"answer": TEXT, "context": documents, "question": QUESTION}
    checked = check.invoke(asked)
    assert checked["answer"] == "A licence that expires leaves 21 more days. [1]"
    assert [sentence["text"] for sentence in checked["dropped"]] == ["After that it costs 99 euros."]
    (citation,) = checked["citations"]
    assert citation["quote"] == handbook.source(citation["document_id"])[citation["start"] : citation["end"]]
    assert citation["chunk_id"] == documents[0].id
    assert asyncio.run(check.ainvoke({**asked, "answer": AIMessage(TEXT)})) == checked
    flagged = RagkitCitationCheck(rag=handbook, settings={"on_unsupported": "flag"}).invoke(asked)
    assert "99 euros" in flagged["answer"]
    assert flagged["sentences"][1]["problems"]
    made_up = check.invoke({**asked, "answer": "It is served with tea. [1]"})
    assert (made_up["abstained"], made_up["reason"], made_up["citations"]) == (True, "unsupported", [])


def test_in_a_chain_with_any_model(handbook: ragkit.RAG) -> None:
    model = FakeListChatModel(responses=[TEXT])
    chain = (
        {"context": RagkitRetriever(rag=handbook, k=4), "question": RunnablePassthrough()}
        | RunnablePassthrough.assign(answer=RunnableLambda(lambda asked: asked["question"]) | model)
        | RagkitCitationCheck(rag=handbook)
    )
    assert chain.invoke(QUESTION)["answer"] == "A licence that expires leaves 21 more days. [1]"


def test_documents_of_others_are_cited_by_their_own_text(handbook: ragkit.RAG) -> None:
    theirs = Document(
        "  Lanterns float. A licence lasts for 21 days.", metadata={"source": "web://1", "start_index": 100}
    )
    checked = RagkitCitationCheck(rag=handbook).invoke(
        {"answer": "A licence lasts for 21 days [1].", "context": [theirs], "question": QUESTION}
    )
    (citation,) = checked["citations"]
    assert (citation["document_id"], citation["uri"]) == ("web://1", "web://1")
    assert theirs.page_content[citation["start"] - 100 : citation["end"] - 100] == citation["quote"]


def test_a_document_that_is_not_where_it_says_is_refused(
    handbook: ragkit.RAG, documents: list[Document]
) -> None:
    moved = copy.deepcopy(documents[0])
    moved.metadata["start"] += 1
    forged = copy.deepcopy(documents[0])
    forged.page_content = "Lantern costs nothing."
    for bad in (moved, forged):
        with pytest.raises(QueryError, match="where the document has another text"):
            RagkitCitationCheck(rag=handbook).invoke({"answer": "x [1]", "context": [bad]})
        with pytest.raises(QueryError, match="where the document has another text"):
            RagkitCompressor(rag=handbook).compress_documents([bad], "x")
    with pytest.raises(QueryError, match="expected a mapping with 'answer' and 'context'"):
        RagkitCitationCheck(rag=handbook).invoke("x")


def test_the_tenant_is_needed_where_the_collection_has_tenants(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, set={"collection.fields": {"tenant": "keyword!"}}) as rag:
        rag.ingest(ragkit.Document("a", "A licence lasts for 21 days."), tenant="acme", progress=False)
        found = RagkitRetriever(rag=rag, tenant="acme").invoke("licence")
        asked = {
            "answer": "It lasts for 21 days. [1]",
            "context": found,
            "question": "How long is a licence?",
        }
        with pytest.raises(TenantError):
            RagkitCitationCheck(rag=rag).invoke(asked)
        assert RagkitCitationCheck(rag=rag, tenant="acme").invoke(asked)["citations"]
