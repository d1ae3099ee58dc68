"""`llm/openai`: a chat model behind an endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import anyio

from ragkit.chat import Completion, Delta, Message
from ragkit.errors import ModelError, ModelRequestError, ModelTimeoutError, ModelUnavailableError
from ragkit_connectors.openai.endpoint import Endpoint
from ragkit_connectors.openai.events import EventReader
from ragkit_connectors.openai.patience import Patience
from ragkit_connectors.openai.settings import OpenAISettings
from ragkit_connectors.openai.wire import Ask, Reply, parsed


class OpenAIChat:
    """Any model behind an OpenAI-compatible endpoint: OpenAI, Azure OpenAI, vLLM, Ollama, NIM, Nebius …

    A failed request is repeated only while nothing of a reply has come back, and only for what may pass: the
    endpoint cannot be reached, 408, 409, 425, 429, 5xx, a connection that breaks. A wait that the endpoint
    asks for is honoured; one that would go past the deadline ends the call at once with the error.

    Redirects are not followed. The key is in no message, no fingerprint and no log.

    Example:
        OpenAIChat(base_url="http://localhost:8000/v1", model="qwen3-8b")
    """

    Config = OpenAISettings

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("llm/openai", settings)
        self._endpoint = Endpoint(self.config)

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return self.config.model

    @property
    def fingerprint(self) -> str:
        """Endpoint, model and what shapes its texts; without key, headers and query."""
        c = self.config
        shaping = json.dumps(
            [c.max_tokens, c.temperature, c.structured, c.extra], sort_keys=True, default=str
        )
        return f"openai|{c.endpoint}|{c.model}|{hashlib.sha256(shaping.encode()).hexdigest()[:16]}"

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
        ask = _asked(messages, max_tokens, temperature, schema)
        patience = self._patience(timeout_s)
        try:
            with self._endpoint.by(patience.until, f"no answer within {patience.limit_s:g} s"):
                while True:
                    try:
                        return await self._completed(ask, patience.attempt)
                    except ModelError as error:
                        await patience.after(self._endpoint.hidden(error))
        except ModelTimeoutError as late:
            raise patience.told(late) from late.__cause__

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
        ask = _asked(messages, max_tokens, temperature, schema)
        patience = self._patience(timeout_s)
        while True:
            has_begun = False
            try:
                async with aclosing(self._streamed(ask, patience)) as pieces:
                    async for piece in pieces:
                        has_begun = True
                        yield piece
                return
            except ModelError as error:
                self._endpoint.hidden(error)
                if has_begun:
                    raise
                await patience.after(error)

    async def aclose(self) -> None:
        """Closes the connections of the running event loop that are idle; the model can still be used."""
        await self._endpoint.lanes.close()

    async def _completed(self, ask: Ask, attempt: int) -> Completion:
        endpoint, reply = self._endpoint, Reply(self.config.model)
        response, body = await endpoint.exchange(ask.body(self.config, stream=False))
        if endpoint.is_withheld(response, body):
            reply.withhold()
        else:
            told = parsed(body)
            endpoint.refuse_error(told)
            reply.take_whole(told)
        return reply.completion(self.config.price, attempts=attempt)

    async def _streamed(self, ask: Ask, patience: Patience) -> AsyncGenerator[Delta | Completion, None]:
        endpoint, reply, reader = self._endpoint, Reply(self.config.model), EventReader()
        lanes = await endpoint.lanes.here()
        lane, is_whole = lanes.take(), False
        # No scope is open while a piece is handed over: the consumer may do anything there, stop included.
        limit = min(patience.until, anyio.current_time() + (self.config.first_token_s or float("inf")))
        try:
            with endpoint.by(limit, "no first token in time"), endpoint.telling():
                response = await endpoint.send(lane, ask.body(self.config, stream=True), stream=True)
                body = b"" if response.status_code == 200 else await endpoint.read(response)
            if endpoint.is_withheld(response, body):
                reply.withhold()
                is_whole = True
                yield reply.completion(self.config.price, attempts=patience.attempt)
                return
            source, is_done = response.aiter_bytes(), False
            while not is_done:
                with endpoint.by(limit, "nothing came in time"), endpoint.telling():
                    data = await anext(source, None)
                if data is None:
                    break
                for event in reader.feed(data):
                    is_done = event.strip() == b"[DONE]"
                    if is_done:
                        break
                    told = parsed(event)
                    endpoint.refuse_error(told)
                    piece = reply.take(told)
                    if piece:
                        yield Delta(piece)
                if reply.has_text:
                    limit = min(patience.until, anyio.current_time() + self.config.stall_s)
            if not is_done and not reply.has_ended:
                raise ModelUnavailableError(f"{endpoint.where} broke off in the middle of a stream")
            is_whole = await endpoint.has_no_more(source)
            yield reply.completion(self.config.price, attempts=patience.attempt)
        finally:
            await lanes.settle(lane, is_whole=is_whole)

    def _patience(self, timeout_s: float | None) -> Patience:
        return Patience(self.config.timeout_s if timeout_s is None else timeout_s, self.config.retries)


def _asked(
    messages: Sequence[Message],
    max_tokens: int | None,
    temperature: float | None,
    schema: Mapping[str, Any] | None,
) -> Ask:
    if not messages:
        raise ModelRequestError("there is no message to answer. Give at least one")
    return Ask(messages, max_tokens=max_tokens, temperature=temperature, schema=schema)
