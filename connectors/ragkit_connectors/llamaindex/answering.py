"""A whole RAG asked by an object of LlamaIndex: at once or in pieces, blocking or awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.schema import CBEventType, EventPayload

from ragkit.types import Answer, Turn
from ragkit_connectors.llamaindex.asking import AsksRag
from ragkit_connectors.llamaindex.streamed import Streamed


class AnswersByRag(AsksRag):
    """What engines of queries and of chats have in common."""

    callback_manager: CallbackManager

    def answer(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """The answer for the reader."""
        found: Answer = self.rag.ask(question, **self._keywords(history))
        return found

    async def aanswer(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """As `answer`, in the running event loop."""
        found: Answer = await self.rag.aask(question, **self._keywords(history))
        return found

    def pieces(
        self, question: str, streamed: Streamed, history: Sequence[Turn] = ()
    ) -> Generator[str, None, None]:
        """The text as it is shown; `streamed` takes what stands beside it."""
        with closing(self.rag.stream(question, **self._keywords(history))) as events:
            for event in events:
                if text := streamed.take(event):
                    yield text

    async def apieces(
        self, question: str, streamed: Streamed, history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str, None]:
        """As `pieces`, in the running event loop."""
        async with aclosing(self.rag.astream(question, **self._keywords(history))) as events:
            async for event in events:
                if text := streamed.take(event):
                    yield text

    def event(self, question: str) -> Any:
        """A query, for those who listen to callbacks; its end is to be told the response."""
        return self.callback_manager.event(CBEventType.QUERY, payload={EventPayload.QUERY_STR: question})

    def _keywords(self, history: Sequence[Turn]) -> dict[str, Any]:
        return {**self.reader.keywords(), "history": history}
