"""`llm/llamaindex`: any LLM of LlamaIndex."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from typing import Any, ClassVar

from pydantic import Field

from ragkit.graph.threads import in_thread
from ragkit_connectors.bridge.chosen import Choosing
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.chat.told import Told, get, told_by
from ragkit_connectors.chat.vendor import Ask, VendorChat, VendorSettings, asking_json
from ragkit_connectors.llamaindex.offering import llms


class LlamaIndexChat(VendorChat):
    """An LLM of LlamaIndex, as an object or under a name that was offered.

    Where its async calls only call its blocking ones, as a `CustomLLM` does, they are made in a thread.

    Example:
        LlamaIndexChat(model=Ollama(model="qwen3"))
    """

    class Config(VendorSettings, Choosing):
        offered: ClassVar[Offered] = llms
        model: Any = Field(description="An LLM; in a file the name that one is offered under.")

    library = "llamaindex"
    config: Config

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("llm/llamaindex", settings)
        self._model = self.config.chosen

    @property
    def name(self) -> str:
        """What the model is called there."""
        name = self._model.metadata.model_name
        return name if name and name != "unknown" else type(self._model).__name__

    @property
    def fingerprint(self) -> str:
        """The model's class with what its metadata says, and its temperature."""
        cls, temperature = type(self._model), getattr(self._model, "temperature", None)
        shaping = repr((self._model.metadata.model_dump(mode="json"), temperature))
        digest = hashlib.sha256(shaping.encode()).hexdigest()[:16]
        return f"llamaindex|{cls.__module__}.{cls.__qualname__}|{self.name}|{digest}"

    async def reply(self, ask: Ask) -> tuple[str, Told]:
        """One whole reply."""
        said = _said(ask)
        if self._blocks:
            response = await in_thread(lambda: self._model.chat(said, **ask.options))
        else:
            response = await self._model.achat(said, **ask.options)
        return response.message.content or "", _told(response)

    async def pieces(self, ask: Ask) -> AsyncGenerator[str | Told, None]:
        """The pieces, and after each what is told so far."""
        said, last = _said(ask), None
        if self._blocks:
            chunks = await in_thread(lambda: iter(self._model.stream_chat(said, **ask.options)))
            while (chunk := await in_thread(next, chunks, None)) is not None:
                last = chunk
                yield chunk.delta or ""
        else:
            async for chunk in await self._model.astream_chat(said, **ask.options):
                last = chunk
                yield chunk.delta or ""
        if last is not None:
            yield _told(last)

    @property
    def _blocks(self) -> bool:
        from llama_index.core.llms import CustomLLM

        return isinstance(self._model, CustomLLM)


def _said(ask: Ask) -> list[Any]:
    from llama_index.core.llms import ChatMessage

    messages = asking_json(ask.messages, ask.schema)
    return [ChatMessage(role=message.role, content=message.text) for message in messages]


def _told(response: Any) -> Told:
    raw = response.raw
    choices = get(raw, "choices") or [None]
    return told_by((response.additional_kwargs, choices[0], raw))
