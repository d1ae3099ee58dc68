"""`RagkitRunnable`: a whole RAG as a runnable of LangChain."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, closing
from typing import Any

from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.tools import BaseTool, StructuredTool

from ragkit.events import Done, Event, Token
from ragkit.types import Answer
from ragkit_connectors.bridge.holding import HeldRag, HoldsRag
from ragkit_connectors.bridge.reader import Reader
from ragkit_connectors.bridge.told import answer_values, with_sources
from ragkit_connectors.langchain.asking import asked_in, asked_of
from ragkit_connectors.langchain.chunks import AnswerChunk, chunk_of
from ragkit_connectors.langchain.retriever import document_of

_DESCRIPTION = "Answers a question from the documents, and cites the places that bear the answer."


class RagkitRunnable(HoldsRag, RunnableSerializable[Any, Any]):
    """Answers questions with the whole graph of a RAG.

    It takes a question; messages, of which the last one is the question; or a mapping with `question` (or
    `input`, `query`, `messages`) and, if wanted, `history` (or `chat_history`), `tenant`, `acl` and `filter`,
    which may stand in `config["configurable"]` too. A call's filter is joined to the fixed one; a tenant and
    groups that are fixed stay.

    It gives a dictionary: `answer`, `citations`, `sentences`, `abstained`, `reason`, `dropped`, `degraded`,
    `confidence`, `usage`, `trace_id` …, and streams pieces that add up to it (see `AnswerChunk`).

    Args:
        rag: what answers.
        tenant, acl, filter: fixed for all calls.
        tokens: whether what a model writes, unchecked, is streamed too, as pieces without keys.
        with_context: whether `context` is given: the passages, as documents of LangChain.

    Example:
        (RagkitRunnable(rag=rag) | RunnablePick("answer")).invoke("How long is the warranty?")
    """

    rag: HeldRag
    tenant: str | None = None
    acl: tuple[str, ...] | None = None
    filter: Mapping[str, Any] | None = None
    tokens: bool = False
    with_context: bool = False

    @property
    def InputType(self) -> type[Any]:  # noqa: N802  (LangChain's name)
        """What a schema of the input says: text."""
        return str

    @property
    def OutputType(self) -> type[Any]:  # noqa: N802
        """What a schema of the output says: a mapping."""
        return dict

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> dict[str, Any]:  # noqa: A002
        """The answer as a dictionary."""
        found: dict[str, Any] = self._call_with_config(self._answered, input, config, run_type="chain")
        return found

    async def ainvoke(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """The answer as a dictionary."""
        found: dict[str, Any] = await self._acall_with_config(
            self._aanswered, input, config, run_type="chain"
        )
        return found

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[AnswerChunk]:
        """The pieces of the answer, each sentence as soon as it is checked."""
        yield from self.transform(iter([input]), config)

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> AsyncGenerator[AnswerChunk, None]:
        """The pieces of the answer, each sentence as soon as it is checked."""

        async def alone() -> AsyncIterator[Any]:
            yield input

        async with aclosing(self.atransform(alone(), config)) as chunks:
            async for chunk in chunks:
                yield chunk

    def transform(
        self,
        input: Iterator[Any],  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[AnswerChunk]:
        """The pieces of the answer to a question that comes in pieces."""
        yield from self._transform_stream_with_config(input, self._streamed, config, run_type="chain")

    async def atransform(
        self,
        input: AsyncIterator[Any],  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> AsyncGenerator[AnswerChunk, None]:
        """The pieces of the answer to a question that comes in pieces."""
        found = self._atransform_stream_with_config(input, self._astreamed, config, run_type="chain")
        async with aclosing(found) as chunks:
            async for chunk in chunks:
                yield chunk

    def as_tool(
        self,
        args_schema: Any = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool for agents: it is asked a question, shows the model the answer with its sources, and keeps
        the whole as the message's artifact. Tenant, groups and filter come from the config alone.

        Args:
            args_schema, arg_types: for a tool of other arguments, as LangChain has it.
            name: what the model calls it; by default `search_documents`.
            description: what the model is told of it.
        """
        name, description = name or "search_documents", description or _DESCRIPTION
        if args_schema is not None or arg_types is not None:
            return super().as_tool(args_schema, name=name, description=description, arg_types=arg_types)

        def ask(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
            return _for_a_model(self.invoke(question, config))

        async def aask(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
            return _for_a_model(await self.ainvoke(question, config))

        return StructuredTool.from_function(
            ask,
            aask,
            name=name,
            description=description,
            response_format="content_and_artifact",
        )

    def _answered(self, asked: Any, config: RunnableConfig) -> dict[str, Any]:
        return self._values(self.rag.ask(**self._keywords(asked, config)))

    async def _aanswered(self, asked: Any, config: RunnableConfig) -> dict[str, Any]:
        return self._values(await self.rag.aask(**self._keywords(asked, config)))

    def _streamed(self, asked: Iterator[Any], config: RunnableConfig) -> Iterator[AnswerChunk]:
        whole: Any = None
        for part in asked:
            whole = part if whole is None else whole + part
        seen: set[Any] = set()
        with closing(self.rag.stream(**self._keywords(whole, config))) as events:
            for event in events:
                if self._is_told(event):
                    yield self._chunk(event, seen)

    async def _astreamed(
        self, asked: AsyncIterator[Any], config: RunnableConfig
    ) -> AsyncGenerator[AnswerChunk, None]:
        whole: Any = None
        async for part in asked:
            whole = part if whole is None else whole + part
        seen: set[Any] = set()
        async with aclosing(self.rag.astream(**self._keywords(whole, config))) as events:
            async for event in events:
                if self._is_told(event):
                    yield self._chunk(event, seen)

    def _is_told(self, event: Event) -> bool:
        return self.tokens or not isinstance(event, Token)

    def _chunk(self, event: Event, seen: set[Any]) -> AnswerChunk:
        chunk = chunk_of(event, seen)
        if self.with_context and isinstance(event, Done):
            chunk["context"] = _context(event.rest)
        return chunk

    def _values(self, answer: Answer) -> dict[str, Any]:
        values = answer_values(answer)
        return {**values, "context": _context(answer)} if self.with_context else values

    def _keywords(self, asked: Any, config: RunnableConfig) -> dict[str, Any]:
        conversation, options = asked_of(asked)
        reader = Reader(self.tenant, self.acl, self.filter).narrowed({**asked_in(config), **options})
        return {
            "question": conversation.question,
            "history": conversation.history,
            **reader.keywords(),
        }


def _context(answer: Answer) -> list[Any]:
    return [] if answer.context is None else [document_of(p.hit) for p in answer.context.passages]


def _for_a_model(found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return with_sources(found["answer"], found["citations"]), found
