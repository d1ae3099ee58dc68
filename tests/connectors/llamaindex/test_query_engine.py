"""`RagkitQueryEngine`: a whole RAG in LlamaIndex, asked in every way that LlamaIndex has."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

from llama_index.core.base.response.schema import AsyncStreamingResponse, Response, StreamingResponse
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms import ChatMessage, ChatResponse, MockLLM
from llama_index.core.schema import QueryBundle
from llama_index.core.tools import QueryEngineTool

import ragkit
from ragkit.errors import QueryError, TenantError
from ragkit.events import Done, Event, Retracted, Shown, fold
from ragkit.generate.cited import CitedGenerate
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.verify.citations import VerifyCitations
from ragkit_connectors.llamaindex import LlamaIndexChat, RagkitQueryEngine
from ragkit_connectors.llamaindex.streamed import Streamed

QUESTION = "What happens when a licence expires?"
UNKNOWN = "Who won the world cup in 1998?"


def timeless(response: Any) -> dict[str, Any]:
    told = {
        key: value for key, value in response.metadata.items() if key not in ("usage", "trace_id", "answer")
    }
    return {"text": response.response, "nodes": response.source_nodes, **told}


def exact(rag: ragkit.RAG, response: Any) -> bool:
    """Whether each source is the document's own text at its place."""
    return all(
        rag.source(n.node.ref_doc_id)[n.node.start_char_idx : n.node.end_char_idx] == n.text
        for n in response.source_nodes
    )


def test_the_answer_with_what_it_cites(handbook: ragkit.RAG) -> None:
    response = RagkitQueryEngine(handbook).query(QUESTION)
    answer = handbook.ask(QUESTION)
    assert isinstance(response, Response)
    assert str(response) == answer.text
    assert [node.text for node in response.source_nodes] == [c.quote for c in answer.citations]
    assert exact(handbook, response)
    node, citation = response.source_nodes[0], answer.citations[0]
    assert (node.score, node.metadata["marker"]) == (citation.support, citation.marker)
    assert (node.metadata["id"], node.metadata["start"]) == (citation.chunk_id, citation.start)
    assert node.metadata["title"]
    assert response.metadata is not None
    assert json.loads(json.dumps(response.metadata)) == response.metadata
    assert response.metadata["sentences"][0]["markers"] == [citation.marker]
    assert citation.quote[:40] in response.get_formatted_sources()


def test_an_abstention_says_so(handbook: ragkit.RAG) -> None:
    response = RagkitQueryEngine(handbook).query(UNKNOWN)
    assert response.source_nodes == []
    assert response.metadata is not None
    assert (response.metadata["abstained"], response.metadata["reason"]) == (True, "out_of_scope")
    streamed = RagkitQueryEngine(handbook, streaming=True).query(UNKNOWN)
    assert str(streamed) == str(response)
    assert streamed.metadata is not None
    assert streamed.metadata["abstained"]


def test_every_way_of_asking_gives_the_same(handbook: ragkit.RAG) -> None:
    engine, streaming = RagkitQueryEngine(handbook), RagkitQueryEngine(handbook, streaming=True)

    def streamed() -> Response:
        found = streaming.query(QUESTION)
        assert isinstance(found, StreamingResponse)
        return found.get_response()

    async def all_ways() -> list[Any]:
        found = await streaming.aquery(QUESTION)
        assert isinstance(found, AsyncStreamingResponse)
        assert [piece async for piece in found.async_response_gen()]
        return [
            await engine.aquery(QueryBundle(QUESTION)),
            engine.query(QUESTION),  # a blocking call inside a running loop
            await found.get_response(),
            streamed(),
        ]

    found = [*asyncio.run(all_ways()), streamed()]
    assert [timeless(response) for response in found] == [timeless(engine.query(QUESTION))] * 5


def test_sources_are_there_as_soon_as_their_sentence_is(handbook: ragkit.RAG) -> None:
    response: Any = RagkitQueryEngine(handbook, streaming=True).query(QUESTION)
    assert response.source_nodes == []
    next(response.response_gen)
    assert exact(handbook, response)
    assert len(response.source_nodes) == 1
    response.response_gen.close()


def test_what_is_taken_back_is_no_source(handbook: ragkit.RAG) -> None:
    *shown, done = [e for e in handbook.stream(QUESTION) if isinstance(e, Shown | Done)]
    assert isinstance(done, Done)
    first = shown[0]
    assert isinstance(first, Shown)
    again = Shown(first.id + 100, first.sentence, text="Another one.", gap=" ")
    events: list[Event] = [again, Retracted(again.id), first, done]
    streamed = Streamed()
    pieces = [streamed.take(event) for event in events]
    assert pieces[2] == first.gap + first.text
    assert streamed.metadata["retracted"] == ["Another one."]
    assert streamed.metadata["answer"] == fold(events).text
    assert len(streamed.nodes) == len(first.sentence.citations)


def test_errors_are_ours(handbook: ragkit.RAG, tmp_path: Path) -> None:
    with pytest.raises(QueryError):
        RagkitQueryEngine(handbook).query(" ")
    with pytest.raises(QueryError):
        str(RagkitQueryEngine(handbook, streaming=True).query(" "))
    with ragkit.open(tmp_path, set={"collection.fields": {"tenant": "keyword!"}}) as rag:
        for tenant, days in (("acme", 14), ("zenith", 30)):
            text = f"Returns are accepted for {days} days."
            rag.ingest(ragkit.Document("terms", text), tenant=tenant, progress=False)
        engine = RagkitQueryEngine(rag)
        question = "For how many days are returns accepted?"
        with pytest.raises(TenantError, match="requires a tenant"):
            engine.query(question)
        assert "14 days" in str(engine.with_reader(tenant="acme").query(question))
        found = asyncio.run(engine.with_reader(tenant="zenith").aquery(question))
        assert "30 days" in str(found)


def test_as_a_tool_and_as_a_retriever(handbook: ragkit.RAG) -> None:
    engine = RagkitQueryEngine(handbook)
    tool = QueryEngineTool.from_defaults(engine, name="handbook", description="The handbook.")
    assert tool.call(input=QUESTION).content == handbook.ask(QUESTION).text
    assert engine.retrieve(QueryBundle(QUESTION))[0].text == handbook.retrieve(QUESTION).hits[0].chunk.text


class Writer(MockLLM):
    """Writes what it was made with."""

    said: str = ""

    def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content=self.said))


def test_callbacks_and_spans_hear_of_it_and_of_its_model(handbook_index: Path) -> None:
    model = Writer(max_tokens=1)
    model.said = "A licence that expires leaves 21 more days. [1]"
    generate = CitedGenerate(llm=LlamaIndexChat(model=model))
    graph = Bm25Retrieve() >> RrfFuse(k=8) >> generate >> VerifyCitations()
    debug, spans, root = LlamaDebugHandler(print_trace_on_end=False), SimpleSpanHandler(), get_dispatcher()
    root.add_span_handler(spans)
    try:
        with ragkit.open(handbook_index, graph=graph, create=False) as rag:
            engine = RagkitQueryEngine(rag, callback_manager=CallbackManager([debug]))
            response = engine.query(QUESTION)
    finally:
        root.span_handlers.remove(spans)
    ((start, end),) = debug.get_event_pairs(CBEventType.QUERY)
    assert start.payload is not None
    assert end.payload is not None
    assert (start.payload["query_str"], end.payload["response"]) == (QUESTION, response)
    parents = {span.id_.partition("-")[0]: span.parent_id or "" for span in spans.completed_spans}
    assert "RagkitQueryEngine.query" in parents
    # The model was called below the query: whoever traces LlamaIndex sees it there.
    assert parents["Writer.chat"].startswith("RagkitQueryEngine._query")
