"""Chat models of other libraries order passages and choose sentences like any other."""

from __future__ import annotations

import anyio
import pytest

pytest.importorskip("langchain_core")
pytest.importorskip("llama_index.core")

from langchain_core.language_models.fake_chat_models import FakeListChatModel
from llama_index.core.base.llms.types import CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM

from ragkit.chat import ChatModel
from ragkit.compress.llm import LlmCompress
from ragkit.rerank.llm import LlmRerank
from ragkit_connectors.langchain import LangChainChat
from ragkit_connectors.llamaindex import LlamaIndexChat
from tests.unit.making import chunk, context, ranking, run_context
from tests.unit.stand_ins import WordsOnly

QUESTION = "How long is the warranty?"
CHUNKS = (
    chunk("a", "Noon is when the canteen opens. Tea is at four."),
    chunk("b", "The warranty lasts two years. It begins with the delivery.", start=90),
)


class Says(CustomLLM):  # type: ignore[misc]  # mypy does not read that package
    """An LLM of LlamaIndex that always says the same."""

    said: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="says")

    def complete(self, prompt: str, formatted: bool = False, **options: object) -> CompletionResponse:
        return CompletionResponse(text=self.said)

    def stream_complete(self, prompt: str, formatted: bool = False, **options: object) -> object:
        yield CompletionResponse(text=self.said, delta=self.said)


def models(said: str) -> dict[str, ChatModel]:
    return {
        "langchain": LangChainChat(model=FakeListChatModel(responses=[said])),
        "llamaindex": LlamaIndexChat(model=Says(said=said)),
    }


GRADES = '{"grades": [{"passage": 2, "grade": 3}, {"passage": 1, "grade": 0}]}'
LIBRARIES = pytest.mark.parametrize("library", ["langchain", "llamaindex"])


@LIBRARIES
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("listwise", "[2] > [1]"),
        ("pointwise", '{"grades": [{"passage": 2, "grade": 3}, {"passage": 1, "grade": 0}]}'),
    ],
)
def test_it_orders_passages(library: str, mode: str, said: str) -> None:
    stage, ctx = LlmRerank(llm=models(said)[library], mode=mode), run_context()
    stage.setup(WordsOnly())
    made = anyio.run(stage.run, ranking(QUESTION, *CHUNKS), ctx)
    assert [hit.chunk.id[0] for hit in made.hits] == ["b", "a"]
    assert ctx.degraded == []


@LIBRARIES
def test_it_chooses_sentences(library: str) -> None:
    stage = LlmCompress(llm=models('{"sentences": [3]}')[library], budget_tokens=8)
    stage.setup(WordsOnly())
    made = anyio.run(stage.run, context(QUESTION, *CHUNKS), run_context())
    assert [passage.text for passage in made.passages] == ["The warranty lasts two years."]
