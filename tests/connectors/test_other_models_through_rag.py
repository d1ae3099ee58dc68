"""Models of LangChain and LlamaIndex through a whole RAG, and what comes of a model that is asked wrongly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.errors import (
    ContextTooLongError,
    InvalidOutputError,
    ModelAuthError,
    ModelRequestError,
    StageError,
)
from ragkit.events import fold
from ragkit.generate.cited import CitedGenerate
from ragkit.generate.structured import StructuredGenerate
from ragkit.graph.stage import Stage
from ragkit.graph.sync import run_sync
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.types import Answer, Context, Turn
from ragkit.verify.citations import VerifyCitations
from ragkit_connectors.openai import OpenAIChat
from tests.connectors.chat_server import ChatServer, Raw, body_of, failure, reply, serving

QUESTION = "Which plan offers SAML single sign-on?"
SCHEMA = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}


def opened(index: Path, writer: Stage[Context, Answer]) -> ragkit.RAG:
    graph = Bm25Retrieve() >> RrfFuse(k=5) >> writer >> VerifyCitations()
    return ragkit.open(index, graph=graph, create=False)


@contextmanager
def served(response: Raw, **settings: Any) -> Iterator[tuple[OpenAIChat, ChatServer]]:
    """A model behind a server; its connections are closed, for a RAG closes only models that it made."""
    with serving(response) as server:
        model = OpenAIChat(base_url=server.url, model="m", timeout_s=5.0, **settings)
        try:
            yield model, server
        finally:
            run_sync(model.aclose())


def supported(index: Path) -> tuple[str, str]:
    """A sentence of the first passage that speaks of SAML, and one that no passage bears."""
    with ragkit.open(index, create=False) as rag:
        hits = rag.retrieve(QUESTION, k=5, retriever="bm25").hits
    text = hits[0].chunk.text
    sentence = next(s for s in re.split(r"(?<=[.])\s+|\n", text) if "SAML" in s and s.endswith("."))
    return f"{sentence} [1]", "It is served with 99 417 cups of tea. [1]"


def assert_checked(rag: ragkit.RAG, answer: Answer, invented: str) -> None:
    assert answer.citations
    assert invented[:20] not in answer.text
    for c in answer.citations:
        assert c.quote == rag.source(c.document_id)[c.start : c.end]
        assert "SAML" in c.quote


def test_a_model_of_langchain(handbook_index: Path) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    from ragkit_connectors.langchain import LangChainChat

    right, invented = supported(handbook_index)

    def messages() -> Iterator[AIMessage]:
        while True:
            usage = {"input_tokens": 700, "output_tokens": 30, "total_tokens": 730}
            yield AIMessage(f"{right} {invented}", usage_metadata=usage)

    model = LangChainChat(
        model=GenericFakeChatModel(messages=messages()), price={"input": 1.0, "output": 2.0}
    )
    with opened(handbook_index, CitedGenerate(llm=model)) as rag:
        answer = rag.ask(QUESTION)
        assert_checked(rag, answer, invented)
        assert answer.usage.input_tokens == 700
        assert answer.usage.usd == pytest.approx(760e-6)
        streamed = fold(rag.stream(QUESTION))
    assert (streamed.text, streamed.citations) == (answer.text, answer.citations)


def test_a_model_of_llamaindex_that_only_repeats_what_it_was_told(handbook_index: Path) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core.llms import MockLLM

    from ragkit_connectors.llamaindex import LlamaIndexChat

    # It says the prompt again: passages, fences and all. What stands in no document must not be shown.
    model = LlamaIndexChat(model=MockLLM(max_tokens=600))
    with opened(handbook_index, CitedGenerate(llm=model, max_tokens=600)) as rag:
        for answer in (rag.ask(QUESTION), fold(rag.stream(QUESTION))):
            assert answer.usage.input_tokens is None
            assert "<<passage" not in answer.text
            for c in answer.citations:
                assert c.quote == rag.source(c.document_id)[c.start : c.end]


@pytest.mark.parametrize(
    ("response", "error", "remedy"),
    [
        (failure(401, "Incorrect API key: sk-hidden"), ModelAuthError, "Set api_key"),
        (failure(404, "The model `m` does not exist"), ModelRequestError, "Check base_url and model"),
        (
            failure(400, "maximum context length is 512 tokens", "context_length_exceeded"),
            ContextTooLongError,
            "Send fewer or shorter passages",
        ),
        (body_of(b"<html>not an API</html>"), InvalidOutputError, "no JSON"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_what_was_set_wrongly_is_an_error_with_its_remedy(
    handbook_index: Path, response: Raw, error: type[Exception], remedy: str, is_stream: bool
) -> None:
    with (
        served(response, api_key="sk-hidden") as (model, _),
        opened(handbook_index, CitedGenerate(llm=model)) as rag,
        pytest.raises(StageError) as caught,
    ):
        list(rag.stream(QUESTION)) if is_stream else rag.ask(QUESTION)
    said = str(caught.value)
    if not (is_stream and error is InvalidOutputError):  # no event at all: the stream breaks off
        assert type(caught.value.__cause__) is error
        assert remedy in said
    assert "sk-hidden" not in said


def test_a_schema_that_the_model_cannot_meet(handbook_index: Path) -> None:
    with served(reply("I would rather write prose.")) as (model, server):
        writer = StructuredGenerate(llm=model, json_schema=SCHEMA)
        with (
            opened(handbook_index, writer) as rag,
            pytest.raises(StageError, match="no JSON of the schema") as caught,
        ):
            rag.ask(QUESTION)
    assert type(caught.value.__cause__) is InvalidOutputError
    assert len(server.seen) == 2  # the model was told once what was wrong


@pytest.mark.parametrize(
    "history",
    [
        (Turn("user", ""),),
        (Turn("user", " \n"), Turn("assistant", "")),
        (Turn("assistant", ""), Turn("user", "What is sold?"), Turn("assistant", "\u200b")),
    ],
)
def test_empty_turns_of_a_conversation_are_not_sent(handbook_index: Path, history: Any) -> None:
    with (
        served(reply("NO_ANSWER_IN_PASSAGES")) as (model, server),
        opened(handbook_index, CitedGenerate(llm=model)) as rag,
    ):
        assert rag.ask(QUESTION, history=history).abstained
    sent = server.seen[0].body["messages"]
    assert all(message["content"].strip() for message in sent)
    assert [message["role"] for message in sent[:2]] == ["system", "user"]
