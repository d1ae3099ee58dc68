"""The settings of `llm/openai`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from ragkit.models.price import Price as Price
from ragkit_connectors.openai.address import EndpointSettings

_OURS = frozenset({"model", "messages", "stream", "stream_options", "response_format", "n"})


class OpenAISettings(EndpointSettings):
    """Where the endpoint is, which model it runs, and how long it is waited for."""

    base_url: str = Field(
        min_length=1,
        description="Address up to /chat/completions: http://localhost:8000/v1.",
    )
    price: Price | None = Field(None, description="What tokens cost; without it the cost is unknown.")
    max_tokens: int = Field(1024, ge=1, description="An answer is cut after so many tokens.")
    temperature: float | None = Field(
        0.0,
        ge=0.0,
        le=2.0,
        description="0 for the most likely text; null where a model refuses it.",
    )
    first_token_s: float | None = Field(
        None, gt=0.0, description="Seconds to the first piece of a stream, for each attempt."
    )
    stall_s: float = Field(30.0, gt=0.0, description="Seconds between two pieces of a stream.")
    structured: Literal["json_schema", "json_object", "none"] = Field(
        "json_schema", description="How the endpoint is asked for JSON of a schema."
    )
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="What the endpoint calls the limit; OpenAI's newer models want the second."
    )
    stream_usage: bool = Field(True, description="Ask for token counts in streams; some endpoints refuse it.")
    extra: dict[str, Any] = Field(
        default_factory=dict, description="Further keys of the request, such as seed or top_p."
    )

    @field_validator("extra")
    @classmethod
    def _leaves_ours(cls, extra: dict[str, Any]) -> dict[str, Any]:
        return without_ours(extra, _OURS)


def without_ours(extra: dict[str, Any], ours: frozenset[str]) -> dict[str, Any]:
    """The further keys of a request.

    Raises:
        ValueError: one of them is ours to set.
    """
    taken = sorted(ours & extra.keys())
    if taken:
        raise ValueError(f"{', '.join(taken)}: ragkit sets it itself")
    return extra
