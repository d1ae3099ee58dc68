"""`RagkitRunnable`: a whole RAG in LangChain, asked in every way that LangChain has."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Iterator
from contextlib import aclosing
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core", reason="needs the extra langchain")

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.runnables import RunnableLambda, RunnablePassthrough, RunnablePick

import ragkit
from ragkit.errors import QueryError, TenantError
from ragkit.events import Done, Event, Retracted, Shown, Token, fold
from ragkit.generate.cited import CitedGenerate
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.types import Answer, Sentence
from ragkit.verify.citations import VerifyCitations
from ragkit_connectors.langchain import LangChainChat, RagkitRetriever, RagkitRunnable
from ragkit_connectors.langchain.chunks import chunk_of

QUESTION = "What happens when a licence expires?"
UNKNOWN = "Who won the world cup in 1998?"


def timeless(values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in ("usage", "trace_id")}


def test_the_answer_with_its_citations(handbook: ragkit.RAG) -> None:
    values = RagkitRunnable(rag=handbook).invoke(QUESTION)
    answer = handbook.ask(QUESTION)
    assert (values["answer"], values["abstained"], values["reason"]) == (answer.text, False, None)
    (citation,) = values["citations"]
    assert citation["quote"] == handbook.source(citation["document_id"])[citation["start"] : citation["end"]]
    assert values["sentences"][0]["markers"] == [citation["marker"]]
    assert json.loads(json.dumps(values)) == values


def test_an_abstention_says_so(handbook: ragkit.RAG) -> None:
    values = RagkitRunnable(rag=handbook).invoke(UNKNOWN)
    assert (values["abstained"], values["reason"], values["citations"]) == (True, "out_of_scope", [])
    pieces = list(RagkitRunnable(rag=handbook).stream(UNKNOWN))
    assert pieces[-1]["answer"] == values["answer"]


def test_every_way_of_asking_gives_the_same(handbook: ragkit.RAG) -> None:
    rag = RagkitRunnable(rag=handbook)
    once = timeless(rag.invoke(QUESTION))

    async def all_ways() -> list[Any]:
        return [
            await rag.ainvoke(QUESTION),
            *await rag.abatch([QUESTION] * 2),
            reduce(add, [piece async for piece in rag.astream(QUESTION)]),
            rag.invoke(QUESTION),  # a blocking call inside a running loop
            reduce(add, rag.stream(QUESTION)),
        ]

    found = [*rag.batch([QUESTION] * 2), reduce(add, rag.stream(QUESTION)), *asyncio.run(all_ways())]
    assert [timeless(values) for values in found] == [once] * 9


@pytest.mark.parametrize(
    "asked",
    [
        QUESTION,
        {"question": QUESTION},
        {"input": QUESTION, "chat_history": []},
        {"query": QUESTION, "other": object()},
        {"messages": [HumanMessage(QUESTION)]},
        {"messages": [("user", QUESTION)]},
        {"messages": [{"role": "user", "content": QUESTION}]},
        [SystemMessage("Be brief."), HumanMessage([{"type": "text", "text": QUESTION}])],
        HumanMessage(QUESTION),
        ChatPromptValue(messages=[HumanMessage(QUESTION)]),
    ],
    ids=range(10),
)
def test_a_question_comes_in_many_forms(handbook: ragkit.RAG, asked: Any) -> None:
    assert RagkitRunnable(rag=handbook).invoke(asked)["answer"] == handbook.ask(QUESTION).text


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "expected a question under 'question'"),
        ({"question": 3}, "expected a question under"),
        ([HumanMessage(QUESTION), AIMessage("Two.")], "expected the question of the user as the last one"),
        ([], "expected the question of the user"),
        ({"question": "?", "history": [3]}, "expected messages with a role and a text, got int"),
        (7, "expected a question, messages or a mapping with one, got int"),
        ("", "question"),
    ],
)
def test_what_is_no_question_is_refused(handbook: ragkit.RAG, asked: Any, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        RagkitRunnable(rag=handbook).invoke(asked)


def test_the_turns_before_it_are_its_history(handbook: ragkit.RAG) -> None:
    first = "How long is the warranty of a Wick 5?"
    reply = handbook.ask(first).text
    messages = [
        HumanMessage(first),
        AIMessage("", tool_calls=[{"name": "x", "args": {}, "id": "1"}]),
        ToolMessage("looked up", tool_call_id="1"),
        AIMessage(reply),
        HumanMessage("And its battery?"),
    ]
    turns = [ragkit.types.Turn("user", first), ragkit.types.Turn("assistant", reply)]
    expected = handbook.ask("And its battery?", history=turns).text
    rag = RagkitRunnable(rag=handbook)
    assert rag.invoke(messages)["answer"] == expected
    asked = {"question": "And its battery?", "history": [("human", first), ("ai", reply)]}
    assert rag.invoke(asked)["answer"] == expected


def test_tenant_groups_and_filter_of_a_call(tmp_path: Path) -> None:
    fields = {"tenant": "keyword!", "year": "integer"}
    with ragkit.open(tmp_path, set={"collection.fields": fields}) as rag:
        for tenant, days in (("acme", 14), ("zenith", 30)):
            text = f"Returns are accepted for {days} days."
            rag.ingest(ragkit.Document("terms", text, metadata={"year": 2025}), tenant=tenant, progress=False)
        question = "For how many days are returns accepted?"
        runnable = RagkitRunnable(rag=rag)
        assert "14 days" in runnable.invoke(question, {"configurable": {"tenant": "acme"}})["answer"]
        asked = {"question": question, "tenant": "zenith", "filter": {"year": 2025}}
        assert "30 days" in runnable.invoke(asked)["answer"]
        assert runnable.invoke({**asked, "filter": {"year": 1999}})["abstained"]
        with pytest.raises(TenantError):
            runnable.invoke(question)
        fixed = RagkitRunnable(rag=rag, tenant="acme")
        with pytest.raises(TenantError, match="the tenant is fixed"):
            list(fixed.stream(asked))
        tool = fixed.as_tool()
        assert "14 days" in tool.invoke({"question": question})
        assert set(tool.args) == {"question"}


class Heard(BaseCallbackHandler):
    """What callbacks were told, with the runs above each."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.told: list[tuple[str, str, str | None]] = []
        self.tags: list[str] = []

    def _start(self, kind: str, name: str, run_id: Any, parent_run_id: Any) -> None:
        self.names[run_id] = name
        self.told.append((kind, name, self.names.get(parent_run_id)))

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, **k: Any) -> None:
        self.tags += k["tags"]
        self._start("chain", k["name"], run_id, k["parent_run_id"])

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, **k: Any) -> None:
        self._start("model", "model", run_id, k["parent_run_id"])

    def on_chain_end(self, outputs: Any, *, run_id: Any, **k: Any) -> None:
        self.told.append(("end", self.names[run_id], None))

    def on_chain_error(self, error: BaseException, *, run_id: Any, **k: Any) -> None:
        self.told.append(("error", self.names[run_id], type(error).__name__))


def says(*texts: str) -> LangChainChat:
    def messages() -> Iterator[AIMessage]:
        while True:
            yield from (AIMessage(text) for text in texts)

    return LangChainChat(model=GenericFakeChatModel(messages=messages()))


@pytest.fixture
def written(handbook_index: Path) -> Iterator[ragkit.RAG]:
    """The handbook, with a model of LangChain inside that writes two sentences, one of them made up."""
    text = "Lantern works without restriction for 21 more days [1]. Then it costs 99 cups of tea [1]."
    graph = Bm25Retrieve() >> RrfFuse(k=5) >> CitedGenerate(llm=says(text)) >> VerifyCitations()
    with ragkit.open(handbook_index, graph=graph, create=False) as rag:
        yield rag


def test_callbacks_hear_of_it_and_of_the_models_inside(written: ragkit.RAG) -> None:
    rag = RagkitRunnable(rag=written)
    expected = [("chain", "Handbook", None), ("model", "model", "Handbook"), ("end", "Handbook", None)]

    async def alone(heard: Heard) -> None:
        await rag.ainvoke(QUESTION, config(heard))

    async def streamed(heard: Heard) -> None:
        async for _ in rag.astream(QUESTION, config(heard)):
            pass

    def config(heard: Heard) -> Any:
        return {"callbacks": [heard], "run_name": "Handbook", "tags": ["night"]}

    for ask in (
        lambda heard: rag.invoke(QUESTION, config(heard)),
        lambda heard: list(rag.stream(QUESTION, config(heard))),
        lambda heard: asyncio.run(alone(heard)),
        lambda heard: asyncio.run(streamed(heard)),
    ):
        heard = Heard()
        ask(heard)
        assert heard.told == expected
        assert heard.tags == ["night"]
    heard = Heard()
    with pytest.raises(QueryError):
        rag.invoke("", config(heard))
    assert heard.told[-1] == ("error", "Handbook", "QueryError")


def test_pieces_come_sentence_by_sentence_with_their_events(written: ragkit.RAG) -> None:
    rag = RagkitRunnable(rag=written, tokens=True, with_context=True)
    pieces = list(rag.stream(QUESTION))
    events = [event for piece in pieces for event in piece.events]
    assert any(isinstance(event, Token) for event in events)
    assert fold(events).text == written.ask(QUESTION).text
    (shown,) = [piece for piece in pieces if "answer" in piece]
    assert shown["answer"] == "Lantern works without restriction for 21 more days. [1]"
    assert shown["citations"][0]["quote"] in pieces[-1]["context"][0].page_content
    assert [sentence["text"] for sentence in pieces[-1]["dropped"]] == ["Then it costs 99 cups of tea."]


def test_what_is_taken_back_is_no_part_of_the_sum() -> None:
    plan = ragkit.types.QueryPlan.of("?")
    first, second = Sentence("Two years."), Sentence("No more.")
    events: list[Event] = [
        Shown(1, first, text="Two years."),
        Shown(2, Sentence("Three."), text="Three."),
        Retracted(2),
        Shown(3, second, text="No more."),
        Done(Answer(plan, text="")),
    ]
    seen: set[Any] = set()
    pieces = [chunk_of(event, seen) for event in events]
    assert [piece.get("answer") for piece in pieces] == ["Two years.", " Three.", None, " No more.", None]
    assert reduce(add, pieces)["answer"] == "Two years. No more."
    # However the sums are bracketed.
    assert pieces[0] + (pieces[1] + (pieces[2] + (pieces[3] + pieces[4]))) == reduce(add, pieces)


def test_it_composes_and_streams_through_a_chain(handbook: ragkit.RAG) -> None:
    rag = RagkitRunnable(rag=handbook)
    expected = handbook.ask(QUESTION).text
    chain = RunnableLambda(lambda asked: asked["text"]) | rag | RunnablePick("answer")
    assert chain.invoke({"text": QUESTION}) == expected
    assert "".join(chain.stream({"text": QUESTION})) == expected
    beside = {"found": RagkitRetriever(rag=handbook, k=2), "rag": rag}
    both = (RunnablePassthrough() | beside).invoke(QUESTION)
    assert (len(both["found"]), both["rag"]["answer"]) == (2, expected)

    async def events() -> list[str]:
        return [e["event"] async for e in chain.astream_events({"text": QUESTION}, version="v2")]

    assert "on_chain_stream" in asyncio.run(events())


def test_a_fallback_answers_where_it_cannot(handbook: ragkit.RAG) -> None:
    with ragkit.open(handbook.config.path or "nowhere", create=False) as closed:
        pass
    backup = RunnableLambda(lambda _: {"answer": "Ask the desk."})
    safe = RagkitRunnable(rag=closed).with_fallbacks([backup])
    assert safe.invoke(QUESTION) == {"answer": "Ask the desk."}
    assert list(safe.stream(QUESTION)) == [{"answer": "Ask the desk."}]


def test_leaving_a_stream_early_stops_the_work(written: ragkit.RAG) -> None:
    rag = RagkitRunnable(rag=written, tokens=True)
    pieces = iter(rag.stream(QUESTION))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]

    async def first() -> Any:
        async with aclosing(rag.astream(QUESTION)) as pieces:
            return await anext(pieces)

    assert asyncio.run(first()).events
    assert rag.invoke(QUESTION)["citations"]


def test_as_a_tool_its_message_has_text_and_artifact(handbook: ragkit.RAG) -> None:
    tool = RagkitRunnable(rag=handbook).as_tool()
    call = {"name": tool.name, "args": {"question": QUESTION}, "id": "1", "type": "tool_call"}
    message = tool.invoke(call)
    answer = handbook.ask(QUESTION)
    assert message.content.startswith(answer.text)
    assert answer.citations[0].quote in message.content
    assert message.artifact["citations"][0]["document_id"] == answer.citations[0].document_id
    assert asyncio.run(tool.ainvoke(call)).content == message.content


class Calling(GenericFakeChatModel):
    """A model of a script that takes tools."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def test_inside_an_agent(handbook: ragkit.RAG) -> None:
    agents = pytest.importorskip("langchain.agents")
    call = {"name": "search_documents", "args": {"question": QUESTION}, "id": "1"}
    script = iter([AIMessage("", tool_calls=[call]), AIMessage("21 more days.")])
    agent = agents.create_agent(Calling(messages=script), [RagkitRunnable(rag=handbook).as_tool()])
    messages = agent.invoke({"messages": [("user", QUESTION)]})["messages"]
    (found,) = [message for message in messages if isinstance(message, ToolMessage)]
    assert "21 more days" in found.content
    assert found.artifact["citations"]
    assert messages[-1].content == "21 more days."


def test_it_is_never_pickled(handbook: ragkit.RAG) -> None:
    with pytest.raises(TypeError, match=r"ragkit\.load"):
        pickle.dumps(RagkitRunnable(rag=handbook))
