"""`llm/litellm`: the providers that LiteLLM speaks to: Bedrock, SageMaker, Vertex AI, OCI, Anthropic …"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncGenerator
from typing import Any

import anyio
from pydantic import Field

from ragkit.secrets import Secret
from ragkit_connectors.chat.told import Told, get, text_of, told_by
from ragkit_connectors.chat.vendor import Ask, VendorChat, VendorSettings

CLOSING_S = 0.05


class LiteLLMChat(VendorChat):
    """A model by LiteLLM's name for it: `bedrock/anthropic.claude-sonnet`, `vertex_ai/gemini-2.5-pro` …

    Keys are read from the environment by LiteLLM, or given as `api_key`. Its retries are off; `llm/route`
    goes on instead. Its price list is the one in its package, for it would fetch another when it is imported.

    Example:
        LiteLLMChat(model="bedrock/anthropic.claude-sonnet")
    """

    class Config(VendorSettings):
        model: str = Field(min_length=1, description="LiteLLM's name of the model, with its provider.")
        api_key: Secret | None = Field(None, description="Else LiteLLM reads it from the environment.")
        api_base: str | None = Field(
            None, description="Address of the endpoint, where the provider has none."
        )
        extra: dict[str, Any] = Field(default_factory=dict, description="Further arguments of the call.")

    library = "litellm"
    config: Config

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("llm/litellm", settings)
        self._litellm = _imported()

    @property
    def name(self) -> str:
        """LiteLLM's name of the model."""
        return self.config.model

    @property
    def fingerprint(self) -> str:
        """Model, address and further arguments; no key."""
        c = self.config
        shaping = json.dumps([c.api_base, c.extra], sort_keys=True, default=str)
        return f"litellm|{c.model}|{hashlib.sha256(shaping.encode()).hexdigest()[:16]}"

    async def reply(self, ask: Ask) -> tuple[str, Told]:
        """One whole reply."""
        response = await self._litellm.acompletion(**self._arguments(ask))
        choice = response.choices[0]
        return text_of(choice.message.content or ""), self._told(choice, response)

    async def pieces(self, ask: Ask) -> AsyncGenerator[str | Told, None]:
        """The pieces, and what the last events tell."""
        options = {"stream": True, "stream_options": {"include_usage": True}}
        response = await self._litellm.acompletion(**self._arguments(ask), **options)
        ended, last = None, None
        try:
            async for event in response:
                last = event if get(event, "usage") is not None or last is None else last
                choice = next(iter(event.choices), None)
                if choice is not None:
                    ended = choice if choice.finish_reason else ended
                    yield text_of(choice.delta.content or "")
        finally:
            # Which ends the generation at the endpoint, also where the consumer has gone.
            with anyio.move_on_after(CLOSING_S, shield=True):
                await response.aclose()
        yield self._told(ended, last)

    def _arguments(self, ask: Ask) -> dict[str, Any]:
        c = self.config
        arguments: dict[str, Any] = {
            "model": c.model,
            "messages": [{"role": m.role, "content": m.text} for m in ask.messages],
            "num_retries": 0,
            "max_retries": 0,
            **ask.options,
            **c.extra,
        }
        if c.api_base is not None:
            arguments["api_base"] = c.api_base
        if c.api_key is not None:
            arguments["api_key"] = c.api_key.reveal()
        if ask.schema is not None:
            wanted = {"name": "reply", "schema": dict(ask.schema)}
            arguments["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return arguments

    def _told(self, choice: Any, response: Any) -> Told:
        return told_by((choice, response))


def _imported() -> Any:
    # Read when litellm is imported: without it, it asks a server for its price list.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm
