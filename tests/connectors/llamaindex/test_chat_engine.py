"""`RagkitChatEngine`: conversations in LlamaIndex, in every way that it has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer

import ragkit
from ragkit.errors import QueryError, TenantError
from ragkit.types import Turn
from ragkit_connectors.llamaindex import RagkitChatEngine

TALKS = [
    ("How long is the warranty of a Wick 5?", "And its battery?"),
    ("Какой срок гарантии на Wick 5?", "А на батарею?"),
]


def said(engine: RagkitChatEngine) -> list[tuple[str, str | None]]:
    return [(message.role.value, message.content) for message in engine.chat_history]


@pytest.mark.parametrize(("first", "then"), TALKS)
def test_a_follow_up_question_is_understood_by_the_turns_before_it(
    handbook: ragkit.RAG, first: str, then: str
) -> None:
    engine = RagkitChatEngine(handbook)
    assert isinstance(engine, BaseChatEngine)
    opening, response = engine.chat(first), engine.chat(then)
    turns = [Turn("user", first), Turn("assistant", str(opening))]
    expected = handbook.ask(then, history=turns)
    assert str(response) == expected.text
    assert str(response) != handbook.ask(then).text
    assert [node.text for node in response.source_nodes] == [c.quote for c in expected.citations]
    assert response.metadata is not None
    assert response.metadata["abstained"] is False
    assert said(engine) == [
        ("user", first), ("assistant", str(opening)), ("user", then), ("assistant", str(response)),
    ]  # fmt: skip
    engine.reset()
    assert engine.chat_history == []
    assert str(engine.chat(then)) == handbook.ask(then).text


def test_every_way_of_asking_gives_the_same(handbook: ragkit.RAG) -> None:
    first, then = TALKS[0]
    history = [ChatMessage(role="user", content=first), ChatMessage(role="assistant", content="Two years.")]
    engine = RagkitChatEngine(handbook)

    async def awaited() -> list[Any]:
        whole = await engine.achat(then, history)
        streamed: Any = await engine.astream_chat(then, history)
        text = "".join([piece async for piece in streamed.async_response_gen()])
        assert streamed.response == text
        return [(str(whole), whole.source_nodes), (text, streamed.source_nodes)]

    whole = engine.chat(then, history)
    streamed: Any = engine.stream_chat(then, history)
    text = "".join(streamed.response_gen)
    found = [(str(whole), whole.source_nodes), (text, streamed.source_nodes), *asyncio.run(awaited())]
    assert found == [found[0]] * 4
    assert streamed.metadata["sentences"] == (whole.metadata or {})["sentences"]
    assert [content for _, content in said(engine)] == [first, "Two years.", then, text]


def test_messages_that_only_call_tools_are_no_turns(handbook: ragkit.RAG) -> None:
    first, then = TALKS[0]
    asked, answered = ChatMessage(role="user", content=first), ChatMessage(role="assistant", content="Two.")
    calls = ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": []})
    engine = RagkitChatEngine(handbook)
    plain = str(engine.chat(then, [asked, answered]))
    assert str(engine.chat(then, [asked, calls, ChatMessage(role="tool", content="7"), answered])) == plain
    with pytest.raises(QueryError, match="messages with a role and a text, got dict"):
        engine.chat(then, [{"role": "user", "contents": first}])


def test_only_a_whole_answer_comes_into_the_history(handbook: ragkit.RAG) -> None:
    engine = RagkitChatEngine(handbook)
    with pytest.raises(QueryError):
        engine.chat(" ")
    left: Any = engine.stream_chat(TALKS[0][0])
    next(left.response_gen)
    left.chat_stream.close()
    assert engine.chat_history == []

    async def leave() -> None:
        response: Any = await engine.astream_chat(TALKS[0][0])
        await anext(response.async_response_gen())
        await response.achat_stream.aclose()

    asyncio.run(leave())
    assert engine.chat_history == []


def test_a_memory_of_llamaindex_keeps_the_history(handbook: ragkit.RAG) -> None:
    memory = ChatMemoryBuffer.from_defaults(chat_history=[], token_limit=10_000, tokenizer_fn=str.split)
    engine = RagkitChatEngine(handbook, memory=memory)
    engine.chat(TALKS[0][0])
    asyncio.run(engine.achat(TALKS[0][1]))
    assert [message.content for message in memory.get_all()] == [content for _, content in said(engine)]
    assert len(memory.get_all()) == 4


def test_callbacks_hear_of_each_question(handbook: ragkit.RAG) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    engine = RagkitChatEngine(handbook, callback_manager=CallbackManager([debug]))
    engine.chat(TALKS[0][0])
    assert list(engine.stream_chat(TALKS[0][0]).response_gen)
    assert len(debug.get_event_pairs(CBEventType.QUERY)) == 2


def test_readers_have_conversations_of_their_own(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, set={"collection.fields": {"tenant": "keyword!"}}) as rag:
        for tenant, days in (("acme", 14), ("zenith", 30)):
            text = f"Returns are accepted for {days} days."
            rag.ingest(ragkit.Document("terms", text), tenant=tenant, progress=False)
        engine = RagkitChatEngine(rag)
        question = "For how many days are returns accepted?"
        with pytest.raises(TenantError, match="requires a tenant"):
            engine.chat(question)
        acme, zenith = engine.with_reader(tenant="acme"), engine.with_reader(tenant="zenith")
        assert "14 days" in str(acme.chat(question))
        assert "30 days" in str(zenith.chat(question))
        assert (len(acme.chat_history), len(zenith.chat_history), engine.chat_history) == (2, 2, [])
