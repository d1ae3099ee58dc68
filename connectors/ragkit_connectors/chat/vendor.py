"""A chat model of another library as one of ours: time limits, errors, price; the library is asked below."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import anyio
from pydantic import Field

from ragkit.chat import Completion, Delta, Message
from ragkit.errors import ModelRequestError, ModelTimeoutError
from ragkit.models.price import Price
from ragkit.settings import Settings
from ragkit_connectors.chat.errors import told
from ragkit_connectors.chat.told import Told


class VendorSettings(Settings):
    """What all of them have."""

    price: Price | None = Field(None, description="What tokens cost; without it the cost is unknown.")
    timeout_s: float = Field(60.0, gt=0.0, description="Seconds for a whole call.")
    max_tokens_key: str | None = Field(
        "max_tokens", description="What the model calls the limit of an answer; null for none."
    )
    temperature_key: str | None = Field(
        "temperature", description="What the model calls its temperature; null for none."
    )


@dataclass(frozen=True, slots=True)
class Ask:
    """A call: the messages, and options under the names that the model has for them."""

    messages: tuple[Message, ...]
    options: Mapping[str, Any] = field(kw_only=True)
    schema: Mapping[str, Any] | None = field(default=None, kw_only=True)


class VendorChat:
    """Asks a model of another library. A subclass says how one reply and one stream are got."""

    config: VendorSettings
    library: str

    @property
    @abstractmethod
    def name(self) -> str:
        """The model's name."""

    @abstractmethod
    async def reply(self, ask: Ask) -> tuple[str, Told]:
        """One whole reply."""

    @abstractmethod
    def pieces(self, ask: Ask) -> AsyncGenerator[str | Told, None]:
        """The pieces of a text, and then, or in between, what is told of it."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        """The answer, see `ragkit.chat.ChatModel`."""
        ask = self._asked(messages, max_tokens, temperature, schema)
        limit_s = self.config.timeout_s if timeout_s is None else timeout_s
        with anyio.move_on_after(limit_s):
            try:
                text, rest = await self.reply(ask)
            except Exception as error:
                raise told(error, self._where) from error
            return rest.completion(text, self.name, self.config.price)
        raise ModelTimeoutError(f"{self._where}: no answer within {limit_s:g} s")

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        """The pieces, then the completion, see `ragkit.chat.ChatModel`."""
        ask = self._asked(messages, max_tokens, temperature, schema)
        limit_s = self.config.timeout_s if timeout_s is None else timeout_s
        until, text, rest = anyio.current_time() + limit_s, "", Told()
        async with aclosing(self.pieces(ask)) as pieces:
            while True:
                # No scope is open while a piece is handed over: the consumer may stop there.
                piece = await self._next(pieces, until, limit_s)
                if piece is None:
                    break
                if isinstance(piece, Told):
                    rest = piece
                elif piece:
                    text += piece
                    yield Delta(piece)
        yield rest.completion(text, self.name, self.config.price)

    async def _next(
        self, pieces: AsyncGenerator[str | Told, None], until: float, limit_s: float
    ) -> str | Told | None:
        with anyio.CancelScope(deadline=until):
            try:
                return await anext(pieces, None)
            except Exception as error:
                raise told(error, self._where) from error
        raise ModelTimeoutError(f"{self._where}: the answer was not there within {limit_s:g} s")

    @property
    def _where(self) -> str:
        return f"{self.library} ({self.name})"

    def _asked(
        self,
        messages: Sequence[Message],
        max_tokens: int | None,
        temperature: float | None,
        schema: Mapping[str, Any] | None,
    ) -> Ask:
        if not messages:
            raise ModelRequestError("there is no message to answer. Give at least one")
        named = ((self.config.max_tokens_key, max_tokens), (self.config.temperature_key, temperature))
        options = {key: value for key, value in named if key is not None and value is not None}
        return Ask(tuple(messages), options=options, schema=schema)


def asking_json(messages: Sequence[Message], schema: Mapping[str, Any] | None) -> tuple[Message, ...]:
    """The messages, the last of them with a word on the schema: libraries have no one way to ask for JSON."""
    if schema is None:
        return tuple(messages)
    *before, last = messages
    wish = f"Reply with JSON alone, of this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"
    return (*before, Message(last.role, f"{last.text}\n\n{wish}"))
