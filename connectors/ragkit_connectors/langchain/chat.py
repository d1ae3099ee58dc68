"""`llm/langchain`: any chat model of LangChain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar

from pydantic import Field

from ragkit.chat import Message
from ragkit_connectors.bridge.chosen import Choosing
from ragkit_connectors.bridge.offered import Offered
from ragkit_connectors.chat.told import Told, text_of, told_by
from ragkit_connectors.chat.vendor import Ask, VendorChat, VendorSettings, asking_json
from ragkit_connectors.langchain.offering import chat_models


class LangChainChat(VendorChat):
    """A chat model of LangChain, as an object or under a name that was offered.

    Its own retries and callbacks stay its own; give it `max_retries=0` where `llm/route` is to go on at once.

    Example:
        LangChainChat(model=ChatOllama(model="qwen3"), max_tokens_key="num_predict")
    """

    class Config(VendorSettings, Choosing):
        offered: ClassVar[Offered] = chat_models
        model: Any = Field(description="A chat model; in a file the name that one is offered under.")

    library = "langchain"
    config: Config

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("llm/langchain", settings)
        self._model = self.config.chosen

    @property
    def name(self) -> str:
        """What the model is called there."""
        model = self._model
        names = (getattr(model, key, None) for key in ("model_name", "model", "model_id", "_llm_type"))
        return next(name for name in names if isinstance(name, str) and name)

    @property
    def fingerprint(self) -> str:
        """The model's class with the parameters that it says identify it; no key is among them."""
        cls = type(self._model)
        shaping = json.dumps(
            [self._model._identifying_params, self.config.max_tokens_key, self.config.temperature_key],
            sort_keys=True,
            default=lambda value: type(value).__name__,
        )
        digest = hashlib.sha256(shaping.encode()).hexdigest()[:16]
        return f"langchain|{cls.__module__}.{cls.__qualname__}|{self.name}|{digest}"

    async def reply(self, ask: Ask) -> tuple[str, Told]:
        """One whole reply."""
        message = await self._model.ainvoke(_said(ask), **ask.options)
        return text_of(message.content), _told(message)

    async def pieces(self, ask: Ask) -> AsyncGenerator[str | Told, None]:
        """The pieces, then what all of them together tell."""
        whole: Any = None
        async with aclosing(self._model.astream(_said(ask), **ask.options)) as chunks:
            async for chunk in chunks:
                whole = chunk if whole is None else whole + chunk
                yield text_of(chunk.content)
        if whole is not None:
            yield _told(whole)


def _said(ask: Ask) -> list[tuple[str, str]]:
    roles = {"system": "system", "user": "human", "assistant": "ai"}
    messages: tuple[Message, ...] = asking_json(ask.messages, ask.schema)
    return [(roles[message.role], message.text) for message in messages]


def _told(message: Any) -> Told:
    return told_by((message.response_metadata, message.usage_metadata))
