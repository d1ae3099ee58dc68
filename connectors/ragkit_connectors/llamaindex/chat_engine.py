"""`RagkitChatEngine`: a conversation with a whole RAG as a chat engine of LlamaIndex."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Any, Self

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.schema import EventPayload
from llama_index.core.chat_engine.types import (
    AgentChatResponse,
    BaseChatEngine,
    StreamingAgentChatResponse,
)
from llama_index.core.memory import BaseMemory

from ragkit.types import Answer
from ragkit_connectors.bridge.conversation import turns_of
from ragkit_connectors.llamaindex.answering import AnswersByRag
from ragkit_connectors.llamaindex.nodes import cited_nodes
from ragkit_connectors.llamaindex.streamed import Streamed, response_values


@dataclass
class StreamingResponse(StreamingAgentChatResponse):
    """A streamed response; `source_nodes` and `metadata` fill on the way and are whole at its end."""

    metadata: dict[str, Any] = field(default_factory=dict)


class RagkitChatEngine(AnswersByRag, BaseChatEngine):
    """Converses with the whole graph of a RAG: a follow-up question is understood by the turns before it.

    A response's `source_nodes` and `metadata` are those of `RagkitQueryEngine`. A question and its answer
    come into the history together, once the answer is whole: of a call that failed, or of a stream that was
    left, nothing stays. What a stream took back is not in the history either.

    Args:
        rag: what answers; `query/condense` in its graph reads the history, as the default graph does.
        memory: one of LlamaIndex's, which may shorten the history, or keep it in a store; left out, all of it
            is kept in this object.
        tenant, acl: for whom. `with_reader` gives an engine for another reader, with its own conversation.
        filter: in ragkit's language, or `MetadataFilters`.
        callback_manager: LlamaIndex's.

    Example:
        RagkitChatEngine(ragkit.open("index")).chat("How long is the warranty?")
    """

    def __init__(
        self,
        rag: Any,
        *,
        memory: BaseMemory | None = None,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Any = None,  # noqa: A002
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self.hold(rag, tenant, acl, filter)
        self.callback_manager = callback_manager or CallbackManager()
        self._memory: BaseMemory | Kept = Kept() if memory is None else memory

    @property
    def chat_history(self) -> list[ChatMessage]:
        """All messages so far."""
        return self._memory.get_all()

    def reset(self) -> None:
        """Begins a new conversation."""
        self._memory.reset()

    def chat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """The answer to a message. A history that is given takes the place of the one so far."""
        if chat_history is not None:
            self._memory.set(chat_history)
        with self.event(message) as event:
            answer = self.answer(message, turns_of(self._memory.get(input=message)))
            self._memory.put_messages(said(message, answer.text))
            event.on_end(payload={EventPayload.RESPONSE: (found := response_of(answer))})
        return found

    async def achat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """As `chat`, in the running event loop."""
        if chat_history is not None:
            await self._memory.aset(chat_history)
        with self.event(message) as event:
            answer = await self.aanswer(message, turns_of(await self._memory.aget(input=message)))
            await self._memory.aput_messages(said(message, answer.text))
            event.on_end(payload={EventPayload.RESPONSE: (found := response_of(answer))})
        return found

    def stream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """As `chat`, a sentence at a time, each as soon as it is checked."""
        if chat_history is not None:
            self._memory.set(chat_history)
        streamed = Streamed()
        return _response(streamed, chat_stream=self._stream(message, streamed))

    async def astream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """As `stream_chat`, in the running event loop."""
        if chat_history is not None:
            await self._memory.aset(chat_history)
        streamed = Streamed()
        return _response(streamed, achat_stream=self._astream(message, streamed))

    def _stream(self, message: str, streamed: Streamed) -> Generator[ChatResponse, None, None]:
        history = turns_of(self._memory.get(input=message))
        with self.event(message) as event:
            with closing(self.pieces(message, streamed, history)) as pieces:
                for piece in pieces:
                    yield _told(piece)
            self._memory.put_messages(said(message, streamed.metadata["answer"]))
            event.on_end(payload={EventPayload.RESPONSE: streamed.metadata["answer"]})

    async def _astream(self, message: str, streamed: Streamed) -> AsyncGenerator[ChatResponse, None]:
        history = turns_of(await self._memory.aget(input=message))
        with self.event(message) as event:
            async with aclosing(self.apieces(message, streamed, history)) as pieces:
                async for piece in pieces:
                    yield _told(piece)
            await self._memory.aput_messages(said(message, streamed.metadata["answer"]))
            event.on_end(payload={EventPayload.RESPONSE: streamed.metadata["answer"]})

    def __copy__(self) -> Self:
        # For another reader: what one has asked and was told is not the other's.
        found = super().__copy__()
        found._memory = Kept()
        return found


class Kept:
    """A conversation in memory, in the words of LlamaIndex's."""

    def __init__(self) -> None:
        self._messages: list[ChatMessage] = []

    def get_all(self) -> list[ChatMessage]:
        """All messages."""
        return list(self._messages)

    def get(self, input: str | None = None) -> list[ChatMessage]:  # noqa: A002
        """All messages, whatever is asked."""
        return self.get_all()

    def set(self, messages: list[ChatMessage]) -> None:
        """Replaces all messages."""
        self._messages = list(messages)

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """Adds messages, all of them at once."""
        self._messages += messages

    def reset(self) -> None:
        """Forgets all messages."""
        self._messages = []

    async def aget(self, input: str | None = None) -> list[ChatMessage]:  # noqa: A002
        """As `get`."""
        return self.get(input)

    async def aset(self, messages: list[ChatMessage]) -> None:
        """As `set`."""
        self.set(messages)

    async def aput_messages(self, messages: list[ChatMessage]) -> None:
        """As `put_messages`."""
        self.put_messages(messages)


def said(question: str, answer: str) -> list[ChatMessage]:
    """A question and its answer as messages."""
    return [
        ChatMessage(role=MessageRole.USER, content=question),
        ChatMessage(role=MessageRole.ASSISTANT, content=answer),
    ]


def response_of(answer: Answer) -> AgentChatResponse:
    """An answer as a response, with what it cites as its sources."""
    return AgentChatResponse(answer.text, source_nodes=cited_nodes(answer), metadata=response_values(answer))


def _response(streamed: Streamed, **stream: Any) -> StreamingAgentChatResponse:
    return StreamingResponse(
        source_nodes=streamed.nodes, metadata=streamed.metadata, is_writing_to_memory=False, **stream
    )


def _told(piece: str) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=piece), delta=piece)
