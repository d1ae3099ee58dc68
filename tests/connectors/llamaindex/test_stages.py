"""ragkit's stages on nodes of LlamaIndex: reranking, compression, and the check of any model's text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

from llama_index.core import Document
from llama_index.core.base.response.schema import AsyncStreamingResponse, Response
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.llms import CompletionResponse, MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode

import ragkit
from ragkit.errors import QueryError, TenantError
from ragkit_connectors.llamaindex import (
    RagkitCitationCheck,
    RagkitCompressor,
    RagkitReranker,
    RagkitRetriever,
)
from tests.connectors.adapters import QUESTION, TEXT, Lengths, RefusesRerankers


class Says(MockLLM):
    """Says what it was made with."""

    said: str = TEXT

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.said)


@pytest.fixture(scope="module")
def nodes(handbook: ragkit.RAG) -> list[NodeWithScore]:
    found: list[NodeWithScore] = RagkitRetriever(handbook, k=6).retrieve(QUESTION)
    return found


def plain(text: str, id_: str, **more: Any) -> NodeWithScore:
    return NodeWithScore(node=TextNode(text=text, id_=id_, **more), score=0.5)


def exact(rag: ragkit.RAG, nodes: Sequence[NodeWithScore]) -> bool:
    return all(
        rag.source(n.node.ref_doc_id)[n.node.start_char_idx : n.node.end_char_idx] == n.text for n in nodes
    )


def test_nodes_are_ordered_by_a_reranker() -> None:
    given = [plain("aa", "1"), plain("b", "2"), plain("cc", "3"), plain("dddd", "4")]
    debug = LlamaDebugHandler(print_trace_on_end=False)
    reranker = RagkitReranker(model=Lengths(), k=3, callback_manager=CallbackManager([debug]))
    best = reranker.postprocess_nodes(given, query_str="?")
    assert [(n.node_id, n.score) for n in best] == [("4", 4.0), ("1", 2.0), ("3", 2.0)]
    assert given[0].score == 0.5
    ((start, end),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert start.payload is not None
    assert end.payload is not None
    assert (start.payload["model_name"], start.payload["top_k"], end.payload["nodes"]) == ("lengths", 3, best)
    assert RagkitReranker().postprocess_nodes([], query_str="?") == []
    assert asyncio.run(reranker.apostprocess_nodes(given, query_str="?")) == best


class TestReranker(RefusesRerankers):
    def rerank(self, model: Any) -> Any:
        return RagkitReranker(model=model).postprocess_nodes([plain("x", "1")], query_str="?")


def test_a_postprocessor_needs_a_question() -> None:
    with pytest.raises(QueryError, match="expected a question"):
        RagkitReranker().postprocess_nodes([plain("x", "1")])


def test_in_a_query_engine_of_llamaindex(handbook: ragkit.RAG, nodes: list[NodeWithScore]) -> None:
    engine = RetrieverQueryEngine.from_args(
        RagkitRetriever(handbook, k=6),
        llm=Says(max_tokens=1),
        node_postprocessors=[RagkitReranker(k=2), RagkitCompressor(rag=handbook, budget_tokens=60)],
    )
    response = engine.query(QUESTION)
    assert 0 < len(response.source_nodes) <= 2
    checked = RagkitCitationCheck(rag=handbook).check(response, QUESTION)
    assert str(checked) == "A licence that expires leaves 21 more days. [1]"
    assert exact(handbook, checked.source_nodes)


def test_compression_keeps_words_and_places(handbook: ragkit.RAG, nodes: list[NodeWithScore]) -> None:
    compressor = RagkitCompressor(rag=handbook, budget_tokens=80)
    short = compressor.postprocess_nodes(nodes, query_str=QUESTION)
    assert 0 < sum(len(n.text) for n in short) < sum(len(n.text) for n in nodes) / 2
    for node in short:
        source = handbook.source(node.node.ref_doc_id)
        kept = [source[start:end].strip() for start, end in node.metadata["keep"]]
        assert " … ".join(kept) == node.text
        assert "keep" not in node.node.get_content("llm")
    whole = [node for node in short if len(node.metadata["keep"]) == 1]
    assert exact(handbook, whole)
    assert compressor.postprocess_nodes([], query_str=QUESTION) == []
    again = RagkitCompressor(rag=handbook, budget_tokens=40).postprocess_nodes(short, query_str=QUESTION)
    assert sum(len(n.text) for n in again) <= sum(len(n.text) for n in short)
    checked = RagkitCitationCheck(rag=handbook).check(Response(TEXT, short), QUESTION)
    assert checked.source_nodes
    assert exact(handbook, checked.source_nodes)
    with pytest.raises(QueryError, match="expected a TextNode"):
        compressor.postprocess_nodes([NodeWithScore(node=Document(text="A licence expires."))], query_str="x")


def test_of_any_text_what_its_nodes_bear_out_is_left(
    handbook: ragkit.RAG, nodes: list[NodeWithScore]
) -> None:
    check = RagkitCitationCheck(rag=handbook)
    checked = check.check(Response(TEXT, nodes), QUESTION)
    assert str(checked) == "A licence that expires leaves 21 more days. [1]"
    assert checked.metadata is not None
    assert [s["text"] for s in checked.metadata["dropped"]] == ["After that it costs 99 euros."]
    (source,) = checked.source_nodes
    assert source.metadata["id"] == nodes[0].node_id
    assert source.metadata["title"] == nodes[0].metadata["title"]
    assert exact(handbook, [source])
    assert check.postprocess_nodes(nodes, query_str=TEXT)[0].text == source.text
    flagged = RagkitCitationCheck(rag=handbook, settings={"on_unsupported": "flag"}).check(
        Response(TEXT, nodes), QUESTION
    )
    assert "99 euros" in str(flagged)
    made_up = check.check(Response("It is served with tea. [1]", nodes), QUESTION)
    assert made_up.metadata is not None
    assert (made_up.metadata["reason"], made_up.source_nodes) == ("unsupported", [])
    with pytest.raises(QueryError, match="expected a Response of LlamaIndex, got str"):
        check.check("x")


def test_streamed_responses_are_read_to_their_end(handbook: ragkit.RAG, nodes: list[NodeWithScore]) -> None:
    async def pieces() -> Any:
        for word in TEXT.split(" "):
            yield word + " "

    async def both() -> list[Response]:
        check = RagkitCitationCheck(rag=handbook)
        streamed = AsyncStreamingResponse(pieces(), nodes)
        return [await check.acheck(streamed, QUESTION), await check.acheck(Response(TEXT, nodes), QUESTION)]

    streamed, whole = asyncio.run(both())
    assert (str(streamed), streamed.source_nodes) == (str(whole), whole.source_nodes)


def test_llamaindexs_citation_engine_gets_exact_places(handbook: ragkit.RAG) -> None:
    engine = CitationQueryEngine.from_args(
        index=None,
        llm=Says(max_tokens=1),
        retriever=RagkitRetriever(handbook, k=3),
        citation_chunk_size=40,
        citation_chunk_overlap=5,
    )
    response = engine.query(QUESTION)
    wanted = next(i for i, n in enumerate(response.source_nodes, 1) if "21 more days" in n.text)
    response.response = TEXT.replace("[1]", f"[{wanted}]")
    # What the engine itself says: the place of the whole passage, and a text that stands nowhere.
    assert not exact(handbook, response.source_nodes)
    checked = RagkitCitationCheck(rag=handbook).check(response, QUESTION)
    assert "21 more days" in str(checked)
    assert checked.source_nodes
    assert exact(handbook, checked.source_nodes)


def test_nodes_of_others_are_cited_at_their_own_places(handbook: ragkit.RAG) -> None:
    text = "Lanterns float, for they are light and warm, and nobody holds them down for long.\n\n" * 2
    text += "A licence lasts for 21 days. Then it ends."
    theirs = Document(text=text, id_="web://1", metadata={"url": "https://x.example/1"})
    parts = SentenceSplitter(chunk_size=40, chunk_overlap=0).get_nodes_from_documents([theirs])
    assert len(parts) > 1
    given = [NodeWithScore(node=part) for part in parts]
    n = next(i for i, part in enumerate(given, 1) if "21 days" in part.text)
    written = f"A licence lasts for 21 days [{n}]."
    checked = RagkitCitationCheck(rag=handbook).check(Response(written, given), QUESTION)
    (source,) = checked.source_nodes
    assert (source.node.ref_doc_id, source.metadata["uri"]) == ("web://1", "https://x.example/1")
    assert text[source.node.start_char_idx : source.node.end_char_idx] == source.text
    short = RagkitCompressor(rag=handbook, budget_tokens=8).postprocess_nodes(
        given, query_str="licence lasts"
    )
    for node in short:
        if node.node.start_char_idx is not None:
            assert text[node.node.start_char_idx : node.node.end_char_idx] == node.text


def test_a_node_that_is_not_where_it_says_is_refused(
    handbook: ragkit.RAG, nodes: list[NodeWithScore]
) -> None:
    first = nodes[0].node

    def changed(**how: Any) -> NodeWithScore:
        return NodeWithScore(node=first.model_copy(update=how), score=0.5)

    moved = changed(start_char_idx=first.start_char_idx + 1, end_char_idx=first.end_char_idx + 1)
    forged = changed(text="Lantern costs nothing.")
    replaced = changed(text=first.get_content() + " And more.")
    check, compressor = RagkitCitationCheck(rag=handbook), RagkitCompressor(rag=handbook)
    for bad, why in (
        (moved, "where the document has another text"),
        (forged, "where the document has another text"),
        (replaced, "something has replaced it"),
    ):
        with pytest.raises(QueryError, match=why):
            check.check(Response("x [1]", [bad]))
        with pytest.raises(QueryError, match=why):
            compressor.postprocess_nodes([bad], query_str="x")
    assert check.check(Response("x [1]", [NodeWithScore(node=ImageNode(image="aGk="))])).source_nodes == []


def test_the_tenant_is_needed_where_the_collection_has_tenants(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, set={"collection.fields": {"tenant": "keyword!"}}) as rag:
        rag.ingest(ragkit.Document("a", "A licence lasts for 21 days."), tenant="acme", progress=False)
        found = RagkitRetriever(rag, tenant="acme").retrieve("licence")
        response = Response("It lasts for 21 days. [1]", found)
        with pytest.raises(TenantError):
            RagkitCitationCheck(rag=rag).check(response, "How long is a licence?")
        checked = RagkitCitationCheck(rag=rag, tenant="acme").check(response, "How long is a licence?")
        assert len(checked.source_nodes) == 1
